import { beforeAll, describe, expect, it } from 'vitest'
import { demo, type Run } from './support/demo.ts'
import { freshDirectory } from './support/disk/fresh-directory.ts'

describe('the demo', () => {
  let run: Run
  beforeAll(async () => {
    run = await demo()
  })

  it('ends with exit code 0, and prints nothing to stderr', () => {
    expect(run.stderr).toBe('')
    expect(run.code).toBe(0)
  })

  it('shows each section under its heading', () => {
    expect(run.stdout.match(/^\d+\. .+$/gm)).toEqual([
      '1. Cold and warm',
      '2. Hit ratio under load',
      '3. A stampede',
      '4. Time to live',
      '5. Invalidation',
      '6. An invalidation during a load',
      '7. An early refresh',
      '8. A failing upstream',
      '9. A rate limit',
      '10. A handler that fails after it wrote',
      '11. A login that changes four keys',
      '12. Where an answer came from',
    ])
  })

  it('proves every claim', () => {
    const held = run.stdout.match(/✓ .+/g)
    expect(run.stdout).not.toContain('✗')
    expect(held).toContain('✓ 1,000 callers of a cold key cost one scan')
    expect(held).toContain('✓ near.invalidate(27.1751, 78.0421) removed that answer and no other')
    expect(held).toContain('✓ after that it was gone, and computed again')
    expect(run.stdout).toContain(`All ${held?.length} claims held`)
  })

  it('answers more than a hundred times as fast from the cache', () => {
    const factors = [...run.stdout.matchAll(/([\d,]+)×/g)].map(([, figure]) => Number(figure?.replaceAll(',', '')))
    expect(factors).toHaveLength(2)
    for (const factor of factors) expect(factor).toBeGreaterThan(100)
  })

  it('prints no colours, no control characters and no gaps to a pipe', () => {
    const control = [...run.stdout].filter((char) => char < ' ' && char !== '\n')
    expect(control).toEqual([])
    expect(run.stdout).not.toMatch(/NaN|undefined|Infinity|\[object/)
  })
})

describe('the demo with an invalid CACHE_URL', () => {
  it.each([
    [
      'a scheme nobody knows',
      'nope://x',
      'error: No backend for "nope://x". This cache knows mem://, redis://, rediss://, redis+unix://, redis+sentinel://, rediss+sentinel://, redis+cluster://, rediss+cluster://, disk://.\n',
    ],
    [
      'an option nobody knows',
      'mem://?sise=3',
      expect.stringMatching(/^error: .* takes the options .*\bsize\b.* not sise\.\n$/),
    ],
    [
      'a cache that is off',
      'mem://?enable=0',
      'error: The backend keeps nothing. Does CACHE_URL switch it off, or leave it no room?\n',
    ],
  ])('says so in one line: %s', async (_, url, message) => {
    expect(await demo({ CACHE_URL: url })).toEqual({ code: 1, stdout: '', stderr: message })
  })
})

describe('the demo on a store that is too small', () => {
  let run: Run
  beforeAll(async () => {
    run = await demo({ CACHE_URL: 'mem://?size=3' }, 'hit ratio')
  })

  it('ends with exit code 1, and names the claims that do not hold', () => {
    expect(run.code).toBe(1)
    expect(run.stdout).toContain('✗')
    expect(run.stderr).toMatch(/^error: \d+ of \d+ claims did not hold: .+\n$/)
  })

  it('counts only the requests that it sent, and says why they are few', () => {
    const [, scans, sent] = /^ +all +(\d+) +\d+ .*\n\n +(\d+) requests took /m.exec(run.stdout) ?? []
    expect(Number(sent)).toBeLessThan(100)
    expect(run.stdout).toContain(`the other ${Number(sent) - Number(scans)} request`)
    expect(run.stdout).toContain('the store may be too small')
  })
})

it('the demo shows only the sections that were asked for', async () => {
  const { code, stdout } = await demo({}, 'RATE', 'time to')
  expect(code).toBe(0)
  expect(stdout.match(/^\d+\. .+$/gm)).toEqual(['1. Time to live', '2. A rate limit'])
})

it('the demo names its sections when it is asked for an unknown one', async () => {
  const { code, stdout, stderr } = await demo({}, 'rate', 'nothing')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(
    /^error: No section has "nothing" in its title\. There are: Cold and warm, Hit ratio under load, .+\.\n$/,
  )
})

it('the demo on disk starts warm in the second run', async () => {
  const env = { CACHE_URL: `disk://?directory=${freshDirectory()}` }
  const first = await demo(env)
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toContain('a cold start: 0 answers from an earlier run, 20 scans')
  const again = await demo(env, 'warm start')
  expect(again).toMatchObject({ code: 0, stderr: '' })
  expect(again.stdout).toContain('a warm start: 20 answers from an earlier run, 0 scans')
})

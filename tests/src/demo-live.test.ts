import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { liveDemo } from './support/demo.ts'
import { ask } from './support/web.ts'

const main = fileURLToPath(new URL('../../apps/demo/src/live/main.ts', import.meta.url))

describe('the live demo', () => {
  let service: ChildProcess
  let url: string

  beforeAll(async () => {
    const { CACHE_URL: _, ...env } = process.env
    const args = ['--conditions=@cashews/source', main]
    service = spawn(process.execPath, args, {
      env: { ...env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(service.stdout as NodeJS.ReadableStream, 'data')
    url = /^\d{6} cities at (http:\S+)/.exec(String(line))?.[1] as string
  })
  afterAll(async () => {
    service.kill()
    await once(service, 'exit')
  })

  it('scans the cities for a new question, and not for one that was asked before', async () => {
    const miss = await ask(`${url}/search?text=berlin`)
    expect(JSON.parse(miss.text)).toContainEqual(expect.objectContaining({ name: 'Berlin', country: 'DE' }))
    expect(miss.headers['cache-status']).toBe('"demo:search:{text:lower}"; fwd=miss; stored')
    const hit = await ask(`${url}/search?text=Berlin`)
    expect(hit.text).toBe(miss.text)
    expect(hit.headers['cache-status']).toMatch(/; hit; ttl=59\d$/)
    expect(hit.headers['x-scans']).toBe(miss.headers['x-scans'])
  })

  it('serves a stored response', async () => {
    expect((await ask(`${url}/largest`)).headers['cache-status']).toContain('fwd=uri-miss; stored')
    expect((await ask(`${url}/largest`)).headers['cache-status']).toMatch(/^cashews; hit/)
  })

  it('serves a page that a browser does not download twice', async () => {
    const page = await ask(url)
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    const again = await ask(url, { headers: { 'if-none-match': page.headers.etag as string } })
    expect([again.status, again.text]).toEqual([304, ''])
  })
})

describe('the live demo with an invalid setting', () => {
  it.each([
    ['a scheme nobody knows', { CACHE_URL: 'nope://x' }, /^error: No backend for "nope:\/\/x"\. .*disk:\/\/.*\n$/],
    [
      'a store that is not there',
      { CACHE_URL: 'redis://localhost:1' },
      /^error: Redis at localhost:1 .*ECONNREFUSED.*\n$/,
    ],
    ['a port out of range', { PORT: '70000' }, /^error: .*70000.*\n$/],
  ])('ends with one line of explanation: %s', async (_, env, message) => {
    expect(await liveDemo(env)).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(message) })
  })
})

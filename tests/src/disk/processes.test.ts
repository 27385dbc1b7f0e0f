import { disk } from '@cashews/backend-disk'
import { createCache } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { freshDirectory } from '../support/disk/fresh-directory.ts'
import { startProcess } from '../support/disk/processes.ts'
import { report, within } from '../support/faults/report.ts'
import { PATIENT } from '../support/patience.ts'

const ROUNDS = 100
const PROCESSES = 2
describe('processes that share a directory', () => {
  it.each([1, 8])(
    'lose no writes, and agree on who was first, with %i shards',
    async (shards) => {
      const directory = freshDirectory()
      const helpers = Array.from({ length: PROCESSES }, (_, me) =>
        startProcess({ role: 'hammer', directory, rounds: ROUNDS, me, shards }),
      )
      const ends = await Promise.all(helpers.map(({ ended }) => ended))
      expect(ends).toEqual(helpers.map(() => ({ code: 0, stderr: '' })))

      await using cache = createCache().setup(disk({ directory, shards }), PATIENT)
      const counted = await cache.get('count')
      const members = await cache.setPop('members', { count: 100_000 })
      const bits = await cache.getBits('bits', [0, 1, 100], { size: 24 })
      const told = helpers.map(({ news }) => news[0] as { inside: number; passed: number; slowest: number })
      const sum = (name: 'inside' | 'passed') => told.reduce((sum, found) => sum + found[name], 0)
      const lost =
        ROUNDS * PROCESSES - Number(counted) + (ROUNDS * (PROCESSES + 1) - members.length) + (200 - Number(bits[2]))
      report(
        'H2',
        'lost 0, one winner per lock, no SQLITE_BUSY to the caller',
        { shards, lost, locks: sum('inside'), firsts: sum('passed') },
        lost === 0 && sum('inside') === ROUNDS && sum('passed') === ROUNDS && bits[0] === ROUNDS,
      )
    },
    60_000,
  )

  it('continue to read, and to run, while they wait for a lock', async () => {
    const directory = freshDirectory()
    await using cache = createCache().setup(disk({ directory, timeout: '20s' }), PATIENT)
    await Promise.all(Array.from({ length: 50 }, (_, at) => cache.set(`key:${at}`, at)))
    const holder = startProcess({ role: 'hold', directory })
    await holder.told

    let turns = 0
    const loop = setInterval(() => turns++, 1)
    const writing = Array.from({ length: 200 }, (_, at) => cache.set(`key:${at}`, -at))
    expect(await cache.getMany(['key:1', 'key:2'])).toEqual([1, 2])
    await expect.poll(() => turns).toBeGreaterThan(2)
    holder.kill('SIGKILL')
    expect((await Promise.all(writing)).every(Boolean)).toBe(true)
    clearInterval(loop)
    expect(await cache.get('key:7')).toBe(-7)
  })

  it('treat the store as unavailable when a lock is held longer than the timeout', async () => {
    const directory = freshDirectory()
    const options = { suppress: false, ...PATIENT }
    await using cache = createCache().setup(disk({ directory, timeout: '100ms', shards: 1 }), options)
    await cache.set('key', 1)
    const holder = startProcess({ role: 'hold', directory })
    await holder.told
    await expect(cache.set('key', 2)).rejects.toMatchObject({ code: 'CASHEWS_BACKEND_UNAVAILABLE' })
    expect(await cache.get('key')).toBe(1)
    holder.kill('SIGKILL')
    await holder.ended
    expect(await cache.set('key', 3)).toBe(true)
  })

  it('exit when there is nothing left to do, even if nothing was closed', async () => {
    const helper = startProcess({ role: 'idle', directory: freshDirectory() })
    const { now, value } = (await helper.told) as { now: number; value: number }
    const { code } = await helper.ended
    const ms = Date.now() - now
    const pass = code === 0 && value === 1 && within(ms, 3_000)
    report('I1', 'an idle cache lets the process exit', { ms, code: Number(code) }, pass)
  })
})

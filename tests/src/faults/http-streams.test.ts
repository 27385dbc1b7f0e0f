import { createHash } from 'node:crypto'
import { get } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as later } from 'node:timers/promises'
import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { frameworks } from '../support/web.ts'

const MEGABYTE = 1024 ** 2
const SIZE = 100

describe.each(frameworks)('$name', ({ name, serve }) => {
  it('sends 100 MB to two readers, and holds back neither them nor its memory', { timeout: 60_000 }, async () => {
    const cache = createCache().setup(memory())
    const piece = Buffer.alloc(MEGABYTE / 16, 'x')
    const answer = () => ({
      body: Readable.from(
        (function* () {
          for (let nth = 0; nth < SIZE * 16; nth++) yield piece
        })(),
      ),
    })
    const server = await serve({ cache, routes: [{ path: '/', cached: { ttl: '1m' }, answer }] })
    const download = (wait: number) =>
      new Promise<string>((resolve, reject) => {
        get(server.url, { agent: false }, async (response) => {
          const hash = createHash('sha256')
          let bytes = 0
          for await (const chunk of response) {
            hash.update(chunk)
            bytes += chunk.length
            if (wait && bytes % (4 * MEGABYTE) < chunk.length) await later(wait)
          }
          resolve(`${bytes} ${hash.digest('hex')}`)
        }).on('error', reject)
      })
    await download(0)
    globalThis.gc?.()
    const before = process.memoryUsage().rss
    let most = before
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss)
    }, 5)
    const got = await Promise.all([download(0), download(20)])
    clearInterval(watch)
    await server.close()
    const grown = Math.round((most - before) / MEGABYTE)
    console.log(JSON.stringify({ id: 'K16', framework: name, megabytes: grown, keys: await cache.getKeysCount() }))
    await cache.close()
    expect(new Set(got).size).toBe(1)
    expect(got[0]).toMatch(`${SIZE * MEGABYTE} `)
    expect(grown).toBeLessThan(60)
  })
})

import { execFile } from 'node:child_process'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { frameworks } from '../support/web.ts'

const MEGABYTE = 1024 ** 2
const SIZE = 100

const run = promisify(execFile)
/** A client in a process of its own, so that what is measured is the server. Rests after every 4 MB, if it is slow. */
const CLIENT = `
import { createHash } from 'node:crypto'
import { get } from 'node:http'
import { setTimeout } from 'node:timers/promises'
const [url, wait] = process.argv.slice(1)
get(url, async (response) => {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of response) {
    hash.update(chunk)
    bytes += chunk.length
    if (Number(wait) && bytes % ${4 * MEGABYTE} < chunk.length) await setTimeout(Number(wait))
  }
  console.log(bytes, hash.digest('hex'))
})`

describe.each(frameworks)('$name', ({ name, serve }) => {
  it('sends 100 MB to two readers without buffering it', { timeout: 60_000 }, async () => {
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
    const download = async (wait: number) =>
      (await run(process.execPath, ['--input-type=module', '-e', CLIENT, server.url, `${wait}`])).stdout
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
    expect(grown).toBeLessThan(20)
  })
})

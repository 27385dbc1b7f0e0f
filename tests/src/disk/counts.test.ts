import { setImmediate as turn } from 'node:timers/promises'
import { type DiskOptions, disk } from '@cashews/backend-disk'
import { type Cache, createCache } from '@cashews/core'
import { createTags } from '@cashews/tags'
import Sqlite from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { filesOf } from '../support/disk/directories.ts'
import { freshDirectory } from '../support/disk/fresh-directory.ts'
import { PATIENT } from '../support/patience.ts'

const keys = Array.from({ length: 200 }, (_, at) => `key:${at}`)
const dead = keys.filter((_, at) => at % 2 === 0)

/** Takes several turns to read a value. */
const slow: DiskOptions['codec'] = {
  encode: (value) => JSON.stringify(value),
  async decode(bytes) {
    await turn()
    return JSON.parse(Buffer.from(bytes).toString())
  },
}

interface Values {
  readonly alive: unknown
  readonly dead: unknown
}

/** A cache of values, every other one with a tag that was deleted. */
async function halfDead(options: DiskOptions, values: Values = { alive: 1, dead: 2 }): Promise<Cache> {
  const cache = createCache({ onError() {} }).setup(disk(options), PATIENT)
  onTestFinished(() => cache.close())
  const tags = createTags(cache)
  const living = keys.filter((key) => !dead.includes(key))
  for (const [some, value, tag] of [[living, values.alive, 'kept'] as const, [dead, values.dead, 'gone'] as const])
    await cache.setMany(
      some.map((key) => [key, value] as const),
      { tags: [tag] },
    )
  await tags.delete('gone')
  return cache
}

const REMOVALS: readonly [name: string, remove: (cache: Cache) => Promise<number>][] = [
  ['deleteMany', (cache) => cache.deleteMany([...keys, ...keys])],
  ['deleteMatch', (cache) => cache.deleteMatch('key:*')],
]

describe.each(REMOVALS)('%s on files', (_, remove) => {
  it.each([1, 8])('counts no key whose tag was deleted, however long reading takes, with %i shards', async (shards) => {
    const cache = await halfDead({ directory: freshDirectory(), shards, codec: slow })
    expect(await remove(cache)).toBe(keys.length - dead.length)
    expect(await cache.getKeysCount()).toBe(0)
  })

  it('counts no large value whose tag was deleted', async () => {
    const cache = await halfDead(
      { directory: freshDirectory(), shards: 1, checkInterval: false },
      { alive: 1, dead: 'x'.repeat(300_000) },
    )
    expect(await remove(cache)).toBe(keys.length - dead.length)
  })

  it('counts a value that cannot be read: it was there', async () => {
    const directory = freshDirectory()
    const cache = await halfDead({ directory, shards: 1 })
    const file = new Sqlite(filesOf(directory, '.db')[0] as string)
    file.exec(`UPDATE entries SET sum = 0 WHERE key = '${dead[0]}'`)
    file.close()
    expect(await remove(cache)).toBe(keys.length - dead.length + 1)
    expect(await cache.getKeysCount()).toBe(0)
  })
})

it('a key that is set after its deletion, which nobody awaits, is there', async () => {
  const cache = await halfDead({ directory: freshDirectory() })
  const gone = cache.deleteMany(['key:1'])
  const set = cache.set('key:1', 'new')
  expect([await gone, await set, await cache.get('key:1')]).toEqual([1, true, 'new'])
})

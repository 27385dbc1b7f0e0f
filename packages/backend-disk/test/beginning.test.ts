import { existsSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { disk } from '@cashews/backend-disk'
import { type BackendHost, MISS } from '@cashews/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'
import { ShardNames } from '../src/files/directory.ts'

/** What a look into the directory finds. */
const look = vi.hoisted(() => ({ finds: (names: string[]) => names }))

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return { ...fs, readdirSync: (path: string): string[] => look.finds(fs.readdirSync(path)) }
})

const FIRST = 'cashews-v3-0-of-1.1.db'
const SECOND = 'cashews-v3-0-of-1.2.db'
const ASIDE = `${FIRST}.corrupt-1`
const HOUR = 3_600_000

const opened: { close(): unknown }[] = []
const host: BackendHost = { removed() {}, error() {} }

async function open(directory: string, checkInterval: false | '5ms' = false) {
  const store = disk({ directory, shards: 1, checkInterval })
  await store.open(host)
  opened.push(store)
  return store
}

/** Makes the next look find something else, as one does while others rename what is there. */
function findOnce(names: string[]): void {
  look.finds = () => {
    look.finds = (found) => found
    return names
  }
}

afterEach(async () => {
  look.finds = (names) => names
  for (const store of opened.splice(0)) await store.close()
})

describe('processes that begin the file of a shard at once', () => {
  it('begin the same, whenever one looks and the other makes it', () => {
    const directory = freshDirectory()
    const names = new ShardNames(directory, 0, 1)
    look.finds = (found) => {
      writeFileSync(join(directory, FIRST), '')
      return found
    }
    expect(basename(names.current())).toBe(FIRST)
  })

  it('share one in the end, when one that opens has seen half of a renaming', async () => {
    const directory = freshDirectory()
    writeFileSync(join(directory, ASIDE), '')
    const others = await open(directory)
    expect(existsSync(join(directory, SECOND))).toBe(true)
    await others.set('key', 1, HOUR)
    findOnce([])
    const store = await open(directory)
    expect(await store.get('key')).toBe(1)
    expect(existsSync(join(directory, FIRST))).toBe(false)
  })

  it('share one in the end, when the other begins a newer one after that', async () => {
    const directory = freshDirectory()
    const store = await open(directory, '5ms')
    await store.set('key', 'old', HOUR)
    findOnce([ASIDE])
    const others = await open(directory)
    await others.set('key', 'new', HOUR)
    await expect.poll(() => store.get('key')).toBe('new')
    expect(existsSync(join(directory, FIRST))).toBe(false)
    await store.delete('key')
    expect(await others.get('key')).toBe(MISS)
  })
})

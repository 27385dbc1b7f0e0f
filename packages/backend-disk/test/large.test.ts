import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { disk } from '@cashews/backend-disk'
import { MISS } from '@cashews/core'
import Sqlite from 'better-sqlite3'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'

const directory = freshDirectory(afterAll)
const HOUR = 3_600_000
const MB = 1024 ** 2

describe('a large value', () => {
  it('leaves no memory to be collected when it is written, and its own bytes when it is read', async () => {
    const store = disk({ directory: join(directory, 'memory'), shards: 1 })
    await store.open({ removed() {}, error() {} })
    const value = Buffer.alloc(MB, 'large')
    const memory = () => process.memoryUsage().arrayBuffers / MB
    await store.set('key', value, HOUR)
    let before = memory()
    for (let time = 0; time < 5; time++) await store.set('key', value, HOUR)
    expect(memory() - before).toBeLessThan(1)
    before = memory()
    const found: unknown[] = []
    for (let time = 0; time < 5; time++) found.push(await store.get('key'))
    expect(memory() - before).toBeLessThan(6)
    expect(found.every((one) => value.equals(one as Buffer))).toBe(true)
    await store.close()
  })

  it('is never answered when a part of it is not what was written, or not there', async () => {
    for (const spoil of [
      'UPDATE parts SET bytes = zeroblob(length(bytes)) WHERE part = 2',
      'DELETE FROM parts WHERE part = 2',
    ]) {
      const place = join(directory, spoil.slice(0, 6))
      const errors: unknown[] = []
      const store = disk({ directory: place, shards: 1, checkInterval: false })
      await store.open({ removed() {}, error: (error) => errors.push(error) })
      await store.set('key', Buffer.alloc(MB, 'large'), HOUR)
      const file = new Sqlite(join(place, readdirSync(place).find((name) => name.endsWith('.db')) as string))
      expect(file.prepare(spoil).run().changes).toBe(1)
      file.close()
      expect(await store.get('key')).toBe(MISS)
      expect(String(errors)).toMatch(/the value of "key" is not the one that was written; it is kept as .*corrupt/)
      await store.close()
    }
  })

  it('is answered anew when it is replaced, and its parts are removed, while it is read', async () => {
    const place = join(directory, 'replaced')
    const error = vi.fn()
    const store = disk({ directory: place, shards: 1, checkInterval: false })
    await store.open({ removed() {}, error })
    await store.set('key', 'a'.repeat(7 * MB), HOUR)
    const found = store.get('key')
    expect(await store.set('key', 'b'.repeat(MB), HOUR)).toBe(true)
    const file = new Sqlite(join(place, readdirSync(place).find((name) => name.endsWith('.db')) as string))
    const unread = 'DELETE FROM parts WHERE part = (SELECT max(part) FROM parts)'
    expect(file.prepare(unread).run().changes).toBe(1)
    file.close()
    expect(await found).toBe('b'.repeat(MB))
    expect(error).not.toHaveBeenCalled()
    await store.close()
  })

  it('is copied from key to key as getRaw answered it, and stays with whoever asked', async () => {
    const store = disk({ directory: join(directory, 'raw'), shards: 1 })
    await store.open({ removed() {}, error() {} })
    const value = Buffer.alloc(MB, 'large')
    await store.set('key', value, HOUR)
    const raw = (await store.getRaw('key')) as Buffer
    const { length } = raw
    for (const copy of ['one', 'other']) expect(await store.setRaw(copy, raw, HOUR)).toBe(true)
    expect(raw).toHaveLength(length)
    for (const copy of ['one', 'other']) expect(value.equals((await store.get(copy)) as Buffer)).toBe(true)
    await store.close()
  })
})

import { chmodSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { disk } from '@cashews/backend-disk'
import { ConfigurationError, createCache, DecodeError, TtlError } from '@cashews/core'
import Sqlite from 'better-sqlite3'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'

const directory = freshDirectory(afterAll)

describe('the options of disk', () => {
  it.each([
    ['directory', ''],
    ['directory', 5],
    ['shards', -1],
    ['shards', 1.5],
    ['shards', 65],
    ['sizeLimit', 0],
    ['sizeLimit', 1_000_000],
    ['sizeLimit', Number.NaN],
    ['synchronous', 'full'],
    ['synchronous', true],
    ['clock', {}],
    ['clock', null],
  ])('refuse %s: %s, and say what it may be', (name, value) => {
    const make = () => disk({ directory, [name]: value } as object)
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(new RegExp(`"${name}".*must be`, 's'))
  })

  it.each(['disk:///tmp', null, 5])('are an object, not %j', (options) => {
    expect(() => disk(options as never)).toThrow(ConfigurationError)
    expect(() => disk(options as never)).toThrow(/takes an object of options, not .*A URL goes to setup/)
  })

  it('refuse a name that does not exist, and name those that do', () => {
    const make = () => disk({ directory, maxSize: 1 } as object)
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(
      /directory, shards, sizeLimit, timeout, checkInterval, synchronous, clock.*codec.* not maxSize/,
    )
  })

  it.each([
    ['timeout', 'soon'],
    ['timeout', 0],
    ['checkInterval', 'soon'],
    ['checkInterval', -1],
  ])('refuse %s: %j as a time', (name, value) => {
    expect(() => disk({ directory, [name]: value } as object)).toThrow(TtlError)
  })

  it('can be written in a URL, the directory as its path too', () => {
    expect(
      disk.fromUrl(`disk://?directory=${directory}/a&shards=2&size_limit=20mb&check_interval=0&synchronous=normal`)
        .directory,
    ).toBe(`${directory}/a`)
    expect(disk.fromUrl(`disk://${directory}/a%20b?timeout=250ms&codec=json&compression=gzip`).directory).toBe(
      `${directory}/a b`,
    )
    expect(disk.fromUrl(`disk://${directory}/a`, { directory: `${directory}/b` }).directory).toBe(`${directory}/b`)
    expect(disk.fromUrl(`disk://${directory}/a`, { directory: undefined }).directory).toBe(`${directory}/a`)
  })

  it.each([
    'disk://host/path',
    'disk:/path',
    'disk:///100%',
    'disk:///one?directory=/two',
    'disk://?shards=many',
    'disk://?sise=10',
    'disk://?clock=utc',
    'disk://?size_limit=1kb',
  ])('refuse %s', (url) => {
    expect(() => disk.fromUrl(url)).toThrow(ConfigurationError)
  })

  it('without a directory choose one of this user and this working directory', () => {
    expect(disk().directory).toMatch(/cashews-[^/]+[/\\][0-9a-f]{8}$/)
    expect(disk.fromUrl('disk://').directory).toBe(disk().directory)
  })

  it.each<[which: string, place: (directory: string) => string]>([
    ['it', (directory) => directory],
    ['the one above it', (directory) => dirname(directory)],
  ])('without a directory use none that others may write to: %s', async (_, place) => {
    vi.stubEnv('TMPDIR', `${directory}/temporary`)
    onTestFinished(() => void vi.unstubAllEnvs())
    const store = disk()
    const open = async () => store.open({ removed() {}, error() {} })
    mkdirSync(store.directory, { recursive: true, mode: 0o700 })
    chmodSync(place(store.directory), 0o770)
    await expect(open()).rejects.toThrow(`${place(store.directory)}: other users can read or write there`)
    chmodSync(place(store.directory), 0o700)
    await open()
    await store.close()
  })

  it.each([
    [undefined, 'OFF'],
    ['off', 'OFF'],
    ['normal', 'NORMAL'],
  ] as const)('wait for the disk as it was told: %s', async (synchronous, word) => {
    const executed = vi.spyOn(Sqlite.prototype, 'exec')
    const store = disk({ directory: `${directory}/${synchronous}`, ...(synchronous && { synchronous }) })
    await store.open({ removed() {}, error() {} })
    await store.close()
    expect(executed.mock.calls.filter(([sql]) => sql.includes(`synchronous = ${word};`))).toHaveLength(1)
    executed.mockRestore()
  })

  it('that make an unreadable value an error leave getRaw what it is: it answers what is stored', async () => {
    const store = disk({ directory, strict: true })
    onTestFinished(async () => store.close())
    await store.open({ removed() {}, error() {} })
    await store.setRaw('key', 'unreadable', 60_000)
    expect(() => store.get('key')).toThrow(DecodeError)
    expect(await store.getRaw('key')).toBe('unreadable')
  })

  it('reach the store through a cache, those of values too', async () => {
    await using cache = createCache({ drivers: [disk] })
    cache.setup(`disk://?directory=${directory}/json&codec=json`, { shards: 1 })
    await cache.set('key', { a: 1 })
    expect(String(await cache.getRaw('key'))).toContain('{"a":1}')
    expect(await cache.get('key')).toEqual({ a: 1 })
  })
})

import { memory } from '@cashews/backend-memory'
import { type Cache, COMMANDS, type Command, createCache } from '@cashews/core'
import { transaction } from '@cashews/transactions'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ownName, stores } from './support/backends.ts'
import { fakeTime, run, settle } from './support/helpers.ts'

beforeEach(fakeTime)
afterEach(() => vi.useRealTimers())

describe.each(stores)('callbacks on $name', ({ name, create, elapse, isInProcess }) => {
  let cache: Cache
  const onError = vi.fn()
  beforeEach(() => {
    onError.mockReset()
    cache = createCache({ onError }).setup(create())
  })
  afterEach(() => cache.close())

  it('receive the key, the result and the backend of a command', async () => {
    const heard = vi.fn()
    cache.on('set', heard)
    await cache.set('key', 'value')
    expect(heard).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({
        command: 'set',
        key: 'key',
        result: true,
        backend: expect.objectContaining({ name: ownName(name) }),
      }),
    )
  })

  it('are not called for other commands', async () => {
    const heard = vi.fn()
    cache.on('set', heard)
    await cache.get('key')
    await cache.setMany({ a: 1 })
    expect(heard).not.toHaveBeenCalled()
  })

  it.each(COMMANDS)('are called for %s, once', async (command: Command) => {
    const heard = vi.fn()
    cache.on(command, heard)
    await run(cache, command)
    expect(heard).toHaveBeenCalledTimes(1)
    expect(heard.mock.calls[0]?.[0]).toMatchObject({ command })
  })

  it('are called for hits and for misses', async () => {
    const results: unknown[] = []
    cache.on('get', ({ key, result }) => results.push([key, result]))
    await cache.get('key')
    await cache.set('key', 'value')
    await cache.get('key')
    await cache.get('key', 'fallback')
    expect(results).toEqual([
      ['key', undefined],
      ['key', 'value'],
      ['key', 'value'],
    ])
  })

  it('receive the keys and patterns of commands on several keys', async () => {
    const heard: unknown[] = []
    cache.on('deleteMany', ({ keys, result }) => heard.push([keys, result]))
    cache.on('deleteMatch', ({ pattern, result }) => heard.push([pattern, result]))
    await cache.set('a', 1)
    await cache.deleteMany(['a', 'b'])
    await cache.deleteMatch('c*')
    expect(heard).toEqual([
      [['a', 'b'], 1],
      ['c*', 0],
    ])
  })

  it('are called when the command is done', async () => {
    const there: unknown[] = []
    cache.on('set', async () => there.push(await cache.get('key')))
    await cache.set('key', 'value')
    await expect.poll(() => there).toEqual(['value'])
  })

  it('end with off or with using, which can be called twice', async () => {
    const heard = vi.fn()
    const off = cache.on('get', heard)
    {
      using _ = cache.on('get', heard)
      await cache.get('key')
      expect(heard).toHaveBeenCalledTimes(2)
    }
    await cache.get('key')
    expect(heard).toHaveBeenCalledTimes(3)
    off()
    off()
    await cache.get('key')
    expect(heard).toHaveBeenCalledTimes(3)
  })

  it('may be registered twice with the same function', async () => {
    const heard = vi.fn()
    const off = cache.on('get', heard)
    cache.on('get', heard)
    off()
    await cache.get('key')
    expect(heard).toHaveBeenCalledTimes(1)
  })

  it('that fail are reported, and disturb neither the caller nor each other', async () => {
    const heard = vi.fn()
    cache.on('set', () => {
      throw new Error('at once')
    })
    cache.on('set', async () => {
      throw new Error('later')
    })
    cache.on('set', heard)
    expect(await cache.set('key', 1)).toBe(true)
    await settle()
    expect(heard).toHaveBeenCalledTimes(1)
    expect(onError.mock.calls.map(([error]) => error.message)).toEqual(['at once', 'later'])
  })

  it('are not called for a command that failed', async () => {
    const heard = vi.fn()
    cache.on('incr', heard)
    await cache.set('key', 'text')
    await expect(cache.incr('key')).rejects.toThrow()
    expect(heard).not.toHaveBeenCalled()
  })

  it.runIf(isInProcess)('are called for a key that expired', async () => {
    const heard = vi.fn()
    cache.on('removed', heard)
    await cache.set('key', 1, { ttl: '100ms' })
    await elapse(2_000)
    await cache.get('key')
    expect(heard).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ key: 'key', reason: 'expired' }))
  })

  it('survive an onError that fails later', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    onError.mockImplementation(async () => {
      throw new Error('onError fails')
    })
    cache.on('set', () => {
      throw new Error('at once')
    })
    expect(await cache.set('key', 1)).toBe(true)
    await settle()
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      '[cashews] onError failed:',
      expect.any(Error),
      'for',
      expect.any(Error),
    )
    warn.mockRestore()
  })

  it('survive an onError that fails itself', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    onError.mockImplementation(() => {
      throw new Error('onError fails')
    })
    cache.on('set', () => {
      throw new Error('listener fails')
    })
    expect(await cache.set('key', 1)).toBe(true)
    expect(warn).toHaveBeenCalledTimes(1)
    warn.mockRestore()
  })
})

describe('a cache without onError', () => {
  it('writes one line for an error that no caller awaits', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const cache = createCache({ name: 'mine' }).setup(stores[0]?.create() as never)
    cache.on('set', () => {
      throw new Error('listener fails')
    })
    await cache.set('key', 1)
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      '[cashews] mine:',
      expect.objectContaining({ message: 'listener fails' }),
    )
    warn.mockRestore()
  })
})

describe('a callback for removed keys', () => {
  it('is called after the command that removed them, which changes the store in one step', async () => {
    const cache = createCache().setup(memory({ size: 2 }))
    await cache.setMany({ a: 0, b: 0 })
    const seen: Promise<unknown[]>[] = []
    cache.on('removed', () => seen.push(cache.getMany(['x', 'y'])))
    await transaction(cache, async () => {
      await cache.setMany({ x: 1, y: 1 })
    })
    expect(await Promise.all(seen)).toEqual([
      [1, 1],
      [1, 1],
    ])
    await cache.close()
  })

  it('may write the key that has expired', async () => {
    fakeTime()
    const cache = createCache().setup(memory())
    cache.on('removed', ({ key }) => cache.set(key, 'anew'))
    await cache.incr('key', 1, { ttl: '100ms' })
    vi.advanceTimersByTime(100)
    expect(await cache.incr('key')).toBe(1)
    expect([await cache.get('key'), await cache.getKeysCount()]).toEqual(['anew', 1])
    await cache.close()
    vi.useRealTimers()
  })
})

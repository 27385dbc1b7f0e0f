import { memory } from '@cashews/backend-memory'
import { reference } from '@cashews/conformance'
import { addPrefix, type Backend, type Cache, createCache, memoryLimit, NotSupportedError } from '@cashews/core'
import { cached, early, rateLimit, singleFlight } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import {
  outsideTransaction,
  TransactionClosedError,
  type TransactionMode,
  transaction,
  transactional,
} from '@cashews/transactions'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all, altered, gate, recorder, settle } from './support/helpers.ts'
import { PATIENT } from './support/patience.ts'

const MODES: readonly TransactionMode[] = ['fast', 'locked', 'serializable']
const cases = stores.flatMap((store) => MODES.map((mode) => ({ ...store, mode })))

describe.each(cases)('a $mode transaction on $name', ({ create, elapse, mode }) => {
  let cache: Cache
  let store: Backend
  const inside = <T>(fn: Parameters<typeof transaction<T>>[1]): Promise<T> => transaction(cache, fn, { mode })

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] })
    store = create()
    cache = createCache({ onError: (error) => expect.unreachable(String(error)) }).setup(store, PATIENT)
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  it('reads its own writes, which nobody else does before the commit', async () => {
    await cache.set('key', 'old')
    await inside(async () => {
      await cache.set('key', 'new')
      await cache.set('more', 1)
      expect(await cache.getMany(['key', 'more', 'none'])).toEqual(['new', 1, undefined])
      expect(await outsideTransaction(() => cache.getMany(['key', 'more']))).toEqual(['old', undefined])
    })
    expect(await cache.getMany(['key', 'more'])).toEqual(['new', 1])
  })

  it('writes nothing when it throws', async () => {
    await cache.set('key', 'old')
    const failing = inside(async () => {
      await cache.set('key', 'new')
      await cache.delete('key')
      await cache.incr('count')
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await cache.getMany(['key', 'count'])).toEqual(['old', undefined])
  })

  it('discards its writes at a rollback, and continues', async () => {
    await cache.set('key', 'old')
    await inside(async (tx) => {
      await cache.set('key', 'new')
      tx.rollback()
      expect(await cache.get('key')).toBe('old')
      await cache.set('after', 1)
    })
    expect(await cache.getMany(['key', 'after'])).toEqual(['old', 1])
  })

  it('can neither be committed nor rolled back after its end', async () => {
    const ended = await inside(async (tx) => {
      await cache.set('key', 'new')
      return tx
    })
    await expect(ended.commit()).rejects.toThrow(TransactionClosedError)
    await expect(ended.rollback()).rejects.toThrow(TransactionClosedError)
    expect(await cache.get('key')).toBe('new')
  })

  it('writes what it has so far at a commit, and continues', async () => {
    const failing = inside(async (tx) => {
      await cache.set('before', 1)
      await tx.commit()
      expect(await outsideTransaction(() => cache.get('before'))).toBe(1)
      await cache.set('after', 1)
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await cache.getMany(['before', 'after'])).toEqual([1, undefined])
  })

  it('may end while it is being committed', async () => {
    await inside(async (tx) => {
      await cache.set('key', 'new')
      tx.commit()
    })
    expect(await cache.get('key')).toBe('new')
    const failing = inside(async (tx) => {
      await cache.set('key', 'newer')
      tx.commit()
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await cache.get('key')).toBe('newer')
  })

  it('commits and rolls back in the order of the calls', async () => {
    await inside(async (tx) => {
      await cache.set('first', 1)
      await Promise.all([tx.commit(), tx.commit(), tx.rollback()])
      await cache.set('second', 2)
      await Promise.all([tx.rollback(), tx.commit()])
    })
    expect(await cache.getMany(['first', 'second'])).toEqual([1, undefined])
  })

  it('returns what its function returns', async () => {
    expect(await inside(() => 7)).toBe(7)
    expect(await inside(async () => undefined)).toBe(undefined)
  })

  it('decides about exists by its own writes and by what is stored', async () => {
    await cache.set('stored', 1)
    await inside(async () => {
      expect(await cache.set('stored', 2, { exists: false })).toBe(false)
      expect(await cache.set('stored', 2, { exists: true })).toBe(true)
      expect(await cache.set('absent', 2, { exists: true })).toBe(false)
      expect(await cache.set('absent', 2, { exists: false })).toBe(true)
      expect(await cache.set('absent', 3, { exists: false })).toBe(false)
      await cache.delete('stored')
      expect(await cache.exists('stored')).toBe(false)
      expect(await cache.set('stored', 4, { exists: true })).toBe(false)
    })
    expect(await cache.getMany(['stored', 'absent'])).toEqual([undefined, 2])
  })

  it('tells at a delete whether the key existed', async () => {
    await cache.set('key', 1)
    await inside(async () => {
      expect([await cache.delete('key'), await cache.delete('key'), await cache.delete('none')]).toEqual([
        true,
        false,
        false,
      ])
      await cache.set('key', 2)
      expect(await cache.deleteMany(['key', 'none'])).toBe(1)
    })
    expect(await cache.exists('key')).toBe(false)
  })

  it('keeps a ttl of half a second, from the moment of the write', async () => {
    await inside(async () => {
      await cache.set('short', 1, { ttl: 0.5 })
      await elapse(200)
      expect(await cache.getExpire('short')).toBeCloseTo(0.3, 1)
    })
    expect(await cache.getExpire('short')).toBeCloseTo(0.3, 1)
    await elapse(310)
    expect(await cache.exists('short')).toBe(false)
  })

  it('does not store a value that expired before the commit', async () => {
    await cache.set('key', 'old')
    await inside(async () => {
      await cache.set('key', 'new', { ttl: 1 })
      await elapse(1_100)
      expect(await cache.get('key')).toBe(undefined)
    })
    expect(await cache.exists('key')).toBe(false)
    const load = cached(cache, { ttl: 1, key: 'copy' }, async () => 'loaded')
    await inside(async () => {
      await load()
      await elapse(1_100)
    })
    expect(await load.peek()).toBe(undefined)
  })

  it('keeps the ttl of a counter, and gives one to a new counter', async () => {
    await cache.incr('old', 5, { ttl: 100 })
    await inside(async () => {
      expect(await cache.incr('old', 2, { ttl: 7 })).toBe(7)
      expect(await cache.incr('old')).toBe(8)
      expect(await cache.incr('new', 3, { ttl: 50 })).toBe(3)
      expect(await cache.getExpire('old')).toBeCloseTo(100, 0)
    })
    expect(await cache.getMany(['old', 'new'])).toEqual([8, 3])
    expect(await cache.getExpire('old')).toBeCloseTo(100, 0)
    expect(await cache.getExpire('new')).toBeCloseTo(50, 0)
  })

  it('changes the ttl of a key without its value, be it written inside or stored before', async () => {
    await cache.set('stored', 'old')
    await inside(async () => {
      await cache.set('own', 'new')
      expect([await cache.expire('own', 60), await cache.expire('stored', 60), await cache.expire('none', 60)]).toEqual(
        [true, true, false],
      )
      expect(await cache.getMany(['own', 'stored'])).toEqual(['new', 'old'])
      expect(await cache.getExpire('stored')).toBeCloseTo(60, 0)
    })
    expect(await cache.getMany(['own', 'stored'])).toEqual(['new', 'old'])
    expect(await cache.getExpire('own')).toBeCloseTo(60, 0)
    expect(await cache.getExpire('stored')).toBeCloseTo(60, 0)
  })

  it('replaces the ttl with the value', async () => {
    await cache.set('key', 1, { ttl: 100 })
    await inside(() => cache.set('key', 2))
    expect(await cache.getExpire('key')).toBe(Number.POSITIVE_INFINITY)
  })

  it('has no limit for the number of writes', async () => {
    const entries = Array.from({ length: 1_500 }, (_, at) => [`key:${at}`, at] as const)
    await inside(() => cache.setMany(entries))
    expect(await cache.getKeysCount()).toBe(1_500)
    expect(await cache.get('key:1499')).toBe(1_499)
  })

  it('buffers changes of sets, bits and windows on top of what is stored', async () => {
    await cache.setAdd('set', ['a', 'b'], { ttl: 100 })
    await cache.incrBits('bits', [1], { size: 4, by: 3 })
    await cache.sliceIncr('window', { start: 0, end: 5, max: 9 })
    const failing = inside(async () => {
      await cache.setRemove('set', ['a'])
      await cache.incrBits('bits', [1], { size: 4 })
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await inside(async () => {
      expect(await cache.setAdd('set', ['b', 'c'])).toBe(1)
      expect(await cache.setRemove('set', ['a', 'x'])).toBe(1)
      expect(await cache.incrBits('bits', [1, 2], { size: 4 })).toEqual([4, 1])
      expect(await cache.getBits('bits', [1, 2, 3], { size: 4 })).toEqual([4, 1, 0])
      expect(await cache.sliceIncr('window', { start: 3, end: 8, max: 9 })).toBe(2)
      expect(await cache.setAdd('new', ['x'])).toBe(1)
      expect(await cache.get('set')).toBe(undefined)
    })
    expect((await cache.setPop('set')).sort()).toEqual(['b', 'c'])
    expect(await cache.getBits('bits', [1, 2, 3], { size: 4 })).toEqual([4, 1, 0])
    expect(await cache.sliceIncr('window', { start: 6, end: 9, max: 9 })).toBe(2)
    expect(await cache.setPop('new')).toEqual(['x'])
  })

  it('keeps the ttl of a set', async () => {
    await cache.setAdd('set', ['a'], { ttl: 100 })
    await inside(() => cache.setAdd('set', ['b']))
    expect(await cache.getExpire('set')).toBeCloseTo(100, 0)
  })

  it('is not affected by changes to a value after it was written or read', async () => {
    const value = { list: [1] }
    await inside(async () => {
      await cache.set('key', value)
      value.list.push(2)
      ;(await cache.get<typeof value>('key'))?.list.push(3)
      expect(await cache.get('key')).toEqual({ list: [1] })
    })
    expect(await cache.get('key')).toEqual({ list: [1] })
  })

  it('takes user locks in the store at once, and answers ping', async () => {
    await inside(async () => {
      expect(await cache.ping('hi')).toBe('hi')
      expect(await cache.setLock('key', 'me', { ttl: 60 })).toBe(true)
      expect(await outsideTransaction(() => cache.isLocked('key'))).toBe(true)
      await cache.set('key', 1)
      expect(await cache.unlock('key', 'me')).toBe(true)
    })
    expect(await cache.isLocked('key')).toBe(false)
    expect(await cache.get('key')).toBe(1)
  })

  it('refuses commands that cannot take part', async () => {
    await expect(inside(() => cache.getRaw('key'))).rejects.toThrow(NotSupportedError)
    await expect(inside(() => cache.setRaw('key', 1))).rejects.toThrow('outsideTransaction')
  })

  it('hides its locks', async () => {
    await cache.set('key', 1)
    await inside(async () => {
      expect(await cache.get('key')).toBe(1)
      await cache.set('own', 2)
      await outsideTransaction(async () => {
        expect(await all(cache.scan('*'))).toEqual(['key'])
        expect(await cache.getKeysCount()).toBe(1)
        expect(await cache.deleteMatch('*transaction*')).toBe(0)
        expect(await cache.isLocked('key')).toBe(false)
      })
    })
    expect((await all(cache.scan('*'))).sort()).toEqual(['key', 'own'])
  })

  it('runs each middleware once, which may change keys and refuse writes', async () => {
    const seen = recorder()
    const other = createCache({ onError: (error) => expect.unreachable(String(error)) }).setup(store, {
      ...PATIENT,
      middlewares: [seen, addPrefix('app:'), memoryLimit({ max: 1_000 })],
    })
    await transaction(
      other,
      async () => {
        await other.set('key', 'small')
        await other.set('large', 'x'.repeat(2_000))
        expect(await other.getMany(['key', 'large'])).toEqual(['small', undefined])
      },
      { mode },
    )
    expect(seen.commands).toEqual(['set', 'set', 'getMany'])
    expect(await cache.getMany(['app:key', 'app:large', 'key'])).toEqual(['small', undefined, undefined])
  })

  it('respects disabled commands', async () => {
    cache.disable('set')
    await inside(async () => {
      expect(await cache.set('key', 1)).toBe(false)
    })
    cache.enable('set')
    expect(await cache.exists('key')).toBe(false)
  })

  it('discards only the writes of a nested transaction that fails', async () => {
    await inside(async () => {
      await cache.set('outer', 1)
      await cache.set('both', 'outer')
      const failing = inside(async () => {
        await cache.set('both', 'inner')
        await cache.set('inner', 1)
        await cache.incr('outer')
        expect(await cache.getMany(['outer', 'both', 'inner'])).toEqual([2, 'inner', 1])
        throw new Error('inner')
      })
      await expect(failing).rejects.toThrow('inner')
      expect(await cache.getMany(['outer', 'both', 'inner'])).toEqual([1, 'outer', undefined])
      await inside(async (tx) => {
        await cache.set('undone', 1)
        tx.rollback()
        await cache.set('nested', 1)
      })
    })
    expect(await cache.getMany(['outer', 'both', 'inner', 'nested', 'undone'])).toEqual([
      1,
      'outer',
      undefined,
      1,
      undefined,
    ])
  })

  it('discards the writes of a nested transaction when it fails itself', async () => {
    const failing = inside(async () => {
      await inside(async (tx) => {
        await cache.set('key', 1)
        await tx.commit()
      })
      expect(await cache.get('key')).toBe(1)
      throw new Error('outer')
    })
    await expect(failing).rejects.toThrow('outer')
    expect(await cache.exists('key')).toBe(false)
  })

  it('isolates concurrent nested transactions from each other', async () => {
    await inside(async () => {
      const step = gate()
      const one = inside(async () => {
        await cache.set('one', 1)
        await step.promise
        throw new Error('one')
      }).catch((error: Error) => error.message)
      await inside(async () => {
        expect(await cache.get('one')).toBe(undefined)
        await cache.set('two', 2)
      })
      step.open()
      expect(await one).toBe('one')
    })
    expect(await cache.getMany(['one', 'two'])).toEqual([undefined, 2])
  })

  it('refuses a write after its end, and passes a read to the store', async () => {
    const late = gate<unknown>()
    const step = gate()
    const found: unknown[] = []
    await inside(async () => {
      await cache.set('key', 1)
      const detached = step.promise.then(async () => {
        found.push(await cache.get('key'), await cache.exists('key'), await all(cache.scan('k*')))
        await cache.set('key', 2)
      })
      detached.catch(late.open)
    })
    step.open()
    expect(await late.promise).toBeInstanceOf(TransactionClosedError)
    expect(await late.promise).toMatchObject({ code: 'CASHEWS_TRANSACTION_CLOSED' })
    expect(found).toEqual([1, true, ['key']])
    expect(await cache.get('key')).toBe(1)
  })

  it('is isolated from concurrent calls outside', async () => {
    const step = gate()
    const slow = inside(async () => {
      await cache.set('mine', 1)
      await step.promise
    })
    await settle()
    await cache.set('yours', 1)
    expect(await cache.getMany(['mine', 'yours'])).toEqual([undefined, 1])
    step.open()
    await slow
    expect(await cache.getMany(['mine', 'yours'])).toEqual([1, 1])
  })

  it('can wrap a function given with the options', async () => {
    const write = transactional(cache, { mode }, async (id: number) => {
      await cache.set(`id:${id}`, id)
      if (id === 2) throw new Error('no')
      return id
    })
    expect(await write(1)).toBe(1)
    await expect(write(2)).rejects.toThrow('no')
    expect(await cache.getMany(['id:1', 'id:2'])).toEqual([1, undefined])
  })

  it('runs a hundred concurrent calls of a decorated function, each in its own transaction', async () => {
    const errors: unknown[] = []
    const write = transactional(cache, { mode })(async function write(id: number) {
      await cache.set(`id:${id}`, id)
      if (id % 10 === 0) throw new Error(`${id}`)
      return id
    })
    const answers = await Promise.allSettled(Array.from({ length: 100 }, (_, id) => write(id)))
    for (const answer of answers) if (answer.status === 'rejected') errors.push(answer.reason)
    expect(errors).toHaveLength(10)
    expect(await cache.getKeysCount()).toBe(90)
  })

  it('shares no load with calls outside, in either direction', async () => {
    await cache.set('source', 'old')
    const step = gate()
    const load = vi.fn(async () => {
      const seen = await cache.get('source')
      await step.promise
      return seen
    })
    const read = cached(cache, { ttl: 60, key: 'copy' }, load)
    const single = singleFlight(cache, { key: 'single' }, load)
    const outside = Promise.all([read(), single()])
    await inside(async () => {
      await cache.set('source', 'new')
      const within = Promise.all([read(), read(), single()])
      await settle()
      step.open()
      expect(await within).toEqual(['new', 'new', 'new'])
    })
    expect(await outside).toEqual(['old', 'old'])
    expect(load).toHaveBeenCalledTimes(4)
  })

  it('stores results of cached functions with the commit, and discards them with a rollback', async () => {
    const load = vi.fn(async () => 'loaded')
    const read = cached(cache, { ttl: 60, key: 'copy' }, load)
    const failing = inside(async () => {
      await read()
      await read()
      expect(load).toHaveBeenCalledTimes(1)
      expect(await outsideTransaction(() => read.peek())).toBe(undefined)
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await read.peek()).toBe(undefined)
    await inside(() => read())
    expect(await read.peek()).toBe('loaded')
    expect(await cache.getExpire('copy')).toBeCloseTo(60, 0)
  })

  it('does not store the result of a cached function that was invalidated before the commit', async () => {
    const read = cached(cache, { ttl: 60, key: 'copy' }, async () => 'old')
    await inside(async () => {
      await read()
      await outsideTransaction(() => cache.delete('copy'))
    })
    expect(await read.peek()).toBe(undefined)
  })

  it('does not store what it loaded after its own change if others deleted it before the commit', async ({ skip }) => {
    skip(mode === 'serializable', 'it runs again instead')
    skip(!store.tags, 'the store has no tags')
    const tags = createTags(cache)
    const read = cached(cache, { ttl: 60, key: 'copy', tags: ['a'] }, async () => 'loaded')
    const changes = [() => cache.delete('copy'), () => tags.delete('a'), () => cache.set('copy', 'own')]
    for (const change of changes)
      for (const remove of [() => cache.delete('copy'), () => tags.delete('a')]) {
        await read()
        await inside(async () => {
          await change()
          expect(await read.refresh()).toBe('loaded')
          expect(await read()).toBe('loaded')
          await outsideTransaction<Promise<unknown>>(remove)
        })
        expect(await read.peek()).toBe(undefined)
      }
  })

  it('can change the ttl of a cached result, which can still be invalidated', async () => {
    const read = cached(cache, { ttl: 60, key: 'copy' }, async () => 'loaded')
    for (const isRemoved of [false, true]) {
      await read.invalidate()
      await inside(async () => {
        await read()
        expect(await cache.expire('copy', 30)).toBe(true)
        expect(await cache.getExpire('copy')).toBeCloseTo(30, 0)
        if (isRemoved) await outsideTransaction(() => cache.delete('copy'))
      })
      expect(await cache.getExpire('copy')).toEqual(isRemoved ? undefined : expect.closeTo(30, 0))
    }
  })

  it('finds keys of a tag it has deleted absent, even if it has not read them before or others delete the tag meanwhile', async ({
    skip,
  }) => {
    skip(!store.tags, 'the store has no tags')
    const tags = createTags(cache)
    let version = 1
    const refreshed = early(cache, { ttl: 60, earlyTtl: 30, key: 'copy', tags: ['a'] }, async () => version)
    await refreshed()
    version = 2
    await inside(async () => {
      await tags.delete('a')
      expect(await refreshed()).toBe(2)
    })
    await cache.set('key', 1, { tags: ['a'] })
    const overtaken = altered(store, {
      inspect: async (key) => {
        const found = await store.inspect(key)
        if (key === 'key' && store.tags) await store.tags.delete(['a'])
        return found
      },
    })
    const other = createCache().setup(overtaken, PATIENT)
    const its = createTags(other)
    await transaction(
      other,
      async () => {
        await its.delete('a')
        expect(await other.get('key')).toBe(undefined)
      },
      { mode },
    )
  })

  it('keeps a load outside from storing what it has deleted', async () => {
    for (const remove of [() => cache.delete('copy'), () => cache.deleteMatch('co*')]) {
      if (mode === 'serializable' && remove.toString().includes('Match')) continue
      const step = gate()
      const read = cached(cache, { ttl: 60, key: `copy` }, async () => {
        await step.promise
        return 'old'
      })
      const loading = read()
      await settle()
      await inside<unknown>(remove)
      step.open()
      expect(await loading).toBe('old')
      expect(await read.peek()).toBe(undefined)
    }
  })

  it.for(['delete', 'expire'] as const)(
    'keeps a load outside from storing what it makes absent by tag: %s',
    async (way, { skip }) => {
      skip(!store.tags, 'the store has no tags')
      const tags = createTags(cache)
      const step = gate<string>()
      const read = cached(cache, { ttl: 60, key: 'copy', tags: ['a'] }, () => step.promise)
      const loading = read()
      await settle()
      await inside(() => tags[way]('a'))
      step.open('old')
      expect(await loading).toBe('old')
      expect(await read.peek()).toBe(undefined)
    },
  )

  it('keeps a load outside from overwriting what it has loaded later', async () => {
    const step = gate()
    const answers = [step.promise.then(() => 'older'), 'newer']
    const read = cached(cache, { ttl: 60, key: 'copy' }, () => answers.shift())
    const loading = read()
    await settle()
    expect(await inside(() => read())).toBe('newer')
    step.open()
    expect(await loading).toBe('older')
    expect(await read.peek()).toBe('newer')
  })

  it('deletes by pattern what others have stored meanwhile, and not what it has written since', async ({ skip }) => {
    skip(mode === 'serializable', 'it does not look for keys by pattern')
    for (const isWritten of [false, true])
      for (const around of [<T>(fn: () => Promise<T>) => fn(), inside]) {
        await inside(() =>
          around(async () => {
            await cache.deleteMatch('co*')
            await outsideTransaction(() => cache.set('copy', 'old'))
            if (isWritten) await cache.set('config', 1)
          }),
        )
        expect(await cache.get('copy')).toBe(undefined)
        expect(await cache.delete('config')).toBe(isWritten)
      }
  })

  it('keeps a load outside from storing what a savepoint has deleted by pattern', async ({ skip }) => {
    skip(mode === 'serializable', 'it does not look for keys by pattern')
    const step = gate()
    const read = cached(cache, { ttl: 60, key: 'copy' }, async () => {
      await step.promise
      return 'old'
    })
    const loading = read()
    await settle()
    await inside(() => inside(() => cache.deleteMatch('co*')))
    step.open()
    expect(await loading).toBe('old')
    expect(await read.peek()).toBe(undefined)
  })

  it('does not include early refreshes, limits and callbacks', async () => {
    const heard: unknown[] = []
    const off = cache.on('set', async ({ key }) => {
      if (key === 'key') heard.push(await cache.set('heard', key))
    })
    const limited = rateLimit(cache, { limit: 1, period: 60, key: 'limited' }, async () => 1)
    const refreshed = early(cache, { ttl: 100, earlyTtl: 50, key: 'early' }, async () => Date.now())
    const first = await refreshed()
    await elapse(60_000)
    const failing = inside(async () => {
      expect(await refreshed()).toBe(first)
      await limited()
      await cache.set('key', 1)
      const isRenewed = async () => (await outsideTransaction(() => refreshed.peek())) !== first && heard.length > 0
      while (!(await isRenewed())) await new Promise((resolve) => setImmediate(resolve))
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    off()
    expect(heard).toEqual([true])
    expect(await cache.get('heard')).toBe('key')
    await expect(limited()).rejects.toThrow('more than 1 times')
    expect(await refreshed.peek()).not.toBe(first)
  })

  it('keeps what a savepoint has loaded when an unrelated tag was deleted there', async ({ skip }) => {
    skip(!store.tags, 'the store has no tags')
    const tags = createTags(cache)
    const load = vi.fn(async () => 'loaded')
    const read = cached(cache, { ttl: 60, key: 'copy', tags: ['a'] }, load)
    await inside(async () => {
      await inside(async () => {
        await read()
        await tags.delete('b')
      })
      expect(await read()).toBe('loaded')
    })
    expect(await read()).toBe('loaded')
    expect(load).toHaveBeenCalledTimes(1)
  })

  it('does not conflict with itself when it extends the life of a tag of a key that it has read', async ({ skip }) => {
    skip(!store.tags, 'the store has no tags')
    createTags(cache)
    await cache.set('key', 1, { ttl: 10, tags: ['a'] })
    const fn = vi.fn(() => cache.set('key', 2, { ttl: 1_000, tags: ['a'], exists: true }))
    await inside<boolean>(fn)
    expect(fn).toHaveBeenCalledTimes(1)
    expect(await cache.get('key')).toBe(2)
  })

  it('tags keys, and deletes tags, with the commit', async ({ skip }) => {
    skip(!store.tags, 'the store has no tags')
    const tags = createTags(cache)
    await cache.set('old', 1, { tags: ['a'] })
    await cache.incr('count', 1, { ttl: 100, tags: ['b'] })
    const failing = inside(async () => {
      await tags.delete('a', 'b')
      expect(await cache.getMany(['old', 'count'])).toEqual([undefined, undefined])
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await cache.getMany(['old', 'count'])).toEqual([1, 1])
    await inside(async () => {
      await cache.get('old')
      await cache.set('lost', 1, { tags: ['a'] })
      await tags.delete('a')
      expect(await cache.getMany(['old', 'lost'])).toEqual([undefined, undefined])
      await cache.set('kept', 1, { tags: ['a', 'c'] })
      expect(await tags.of('kept')).toEqual(['a', 'c'])
      expect(await cache.incr('count', 1)).toBe(2)
    })
    expect(await cache.getMany(['old', 'lost', 'kept', 'count'])).toEqual([undefined, undefined, 1, 2])
    expect([await tags.of('kept'), await tags.of('count')]).toEqual([['a', 'c'], ['b']])
    await tags.delete('b', 'c')
    expect(await cache.getMany(['kept', 'count'])).toEqual([undefined, undefined])
  })

  it('gives a key that it writes the tags of the write, and no others', async ({ skip }) => {
    skip(!store.tags, 'the store has no tags')
    const tags = createTags(cache)
    await cache.set('key', 'old', { tags: ['stored'] })
    await inside(async () => {
      expect(await cache.get('key')).toBe('old')
      await cache.set('key', 'new', { tags: ['own'] })
      expect(await tags.of('key')).toEqual(['own'])
      await tags.delete('stored')
      expect(await cache.get('key')).toBe('new')
    })
    expect([await cache.get('key'), await tags.of('key')]).toEqual(['new', ['own']])
  })

  it('adds tags to those that a counter has in the store', async ({ skip }) => {
    skip(!store.tags, 'the store has no tags')
    const tags = createTags(cache)
    await cache.incr('count', 1, { tags: ['stored'] })
    await inside(async () => {
      await cache.incr('count', 1, { tags: ['added'] })
      expect(await tags.of('count')).toEqual(['stored', 'added'])
    })
    expect(await tags.of('count')).toEqual(['stored', 'added'])
    await inside(async () => {
      expect(await cache.incr('count', 1)).toBe(3)
      await tags.delete('stored')
      expect(await cache.get('count')).toBeUndefined()
    })
    expect(await cache.get('count')).toBeUndefined()
  })

  it('deletes no tag that it deleted before a rollback inside', async ({ skip }) => {
    skip(!store.tags, 'the store has no tags')
    const tags = createTags(cache)
    await cache.set('key', 1, { tags: ['a'] })
    await inside(async (tx) => {
      await tags.delete('a')
      expect(await cache.get('key')).toBeUndefined()
      await tx.rollback()
      expect(await cache.get('key')).toBe(1)
    })
    expect(await cache.get('key')).toBe(1)
  })

  it('keeps a new counter when it deletes an unrelated tag', async ({ skip }) => {
    skip(!store.tags, 'the store has no tags')
    const tags = createTags(cache)
    await inside(async () => {
      await cache.incr('begun')
      await tags.delete('other')
      expect(await cache.get('begun')).toBe(1)
    })
    expect(await cache.get('begun')).toBe(1)
  })

  it('stores results of cached functions with their tags', async ({ skip }) => {
    skip(!store.tags, 'the store has no tags')
    const tags = createTags(cache)
    const read = cached(cache, { ttl: 60, key: 'copy', tags: ['a'] }, async () => 'loaded')
    await inside(() => read())
    expect([await read.peek(), await tags.of('copy')]).toEqual(['loaded', ['a']])
    await tags.delete('a')
    await inside(async () => {
      await read()
      await outsideTransaction(() => tags.delete('a'))
    })
    expect(await read.peek()).toBe(undefined)
  })

  it('supports getOrSet', async () => {
    expect(await transaction(cache, () => cache.getOrSet('key', () => 1), { mode })).toBe(1)
    expect(await cache.get('key')).toBe(1)
  })

  it('spans the backends of a cache, and several caches', async () => {
    const other = createCache().setup(memory())
    cache.setup(reference(), { prefix: 'ref:' })
    const failing = inside(async () => {
      await Promise.all([cache.set('a', 1), cache.set('ref:a', 1), other.set('a', 1)])
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect([await cache.getMany(['a', 'ref:a']), await other.get('a')]).toEqual([[undefined, undefined], undefined])
    await inside(() => Promise.all([cache.set('a', 1), cache.set('ref:a', 1), other.set('a', 1)]))
    expect([await cache.getMany(['a', 'ref:a']), await other.get('a')]).toEqual([[1, 1], 1])
    await other.close()
  })
})

describe.each(cases.filter(({ mode }) => mode !== 'serializable'))(
  'patterns in a $mode transaction on $name',
  ({ create, mode }) => {
    it('match what is stored and what was written, and not what was deleted', async () => {
      const cache = createCache().setup(create(), PATIENT)
      await cache.setMany({ 'a:1': 1, 'a:2': 2, 'b:1': 3 })
      await transaction(
        cache,
        async () => {
          await cache.set('a:3', 3)
          await cache.set('a:2', 22)
          await cache.delete('a:1')
          expect((await all(cache.scan('a:*'))).sort()).toEqual(['a:2', 'a:3'])
          expect((await all(cache.getMatch('a:*'))).sort()).toEqual([
            ['a:2', 22],
            ['a:3', 3],
          ])
          expect(await cache.getKeysCount()).toBe(3)
          expect(await cache.deleteMatch('a:*')).toBe(2)
          expect(await all(cache.scan('*'))).toEqual(['b:1'])
          await cache.set('a:4', 4)
          await cache.clear()
          await cache.set('last', 1)
        },
        { mode },
      )
      expect(await all(cache.scan('*'))).toEqual(['last'])
    })
  },
)

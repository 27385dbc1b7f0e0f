import { memory } from '@cashews/backend-memory'
import { reference } from '@cashews/conformance'
import {
  type Backend,
  BackendError,
  BackendUnavailableError,
  type Cache,
  ConfigurationError,
  createCache,
  guard,
  LockedError,
  type Locks,
  NotSupportedError,
  type Tags,
} from '@cashews/core'
import { cached } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import {
  CrossSlotError,
  outsideTransaction,
  TransactionConflictError,
  type TransactionOptions,
  TransactionPartialError,
  TransactionRestartError,
  TransactionUnknownError,
  transaction,
  transactional,
} from '@cashews/transactions'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all, altered, distantStore, gate, hangs, settle, sickStore } from './support/helpers.ts'
import { PATIENT } from './support/patience.ts'

let cache: Cache
const errors: unknown[] = []
const setup = (backend: Backend, options = {}): Cache => {
  cache = createCache({ onError: (error) => errors.push(error) }).setup(backend, options)
  return cache
}
const run = <T>(fn: Parameters<typeof transaction<T>>[1], options: TransactionOptions = {}): Promise<T> =>
  transaction(cache, fn, options)

/** Reads, lets others run, and writes what the value was plus one. */
const increase = async (key: string): Promise<void> => {
  const count = (await cache.get<number>(key)) ?? 0
  await new Promise((resolve) => setImmediate(resolve))
  await cache.set(key, count + 1)
}

/** Sets the clocks on, as if the event loop had been blocked: no timer has run meanwhile. */
const blockEventLoop = (duration: number): void => {
  for (const clock of [Date, performance]) {
    const now = clock.now.bind(clock)
    vi.spyOn(clock, 'now').mockImplementation(() => now() + duration)
  }
}

beforeEach(() => void errors.splice(0))
afterEach(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  await cache.close()
})

/** All stores, and one with latency. */
const everyStore = [
  ...stores,
  { name: 'distant', create: () => distantStore(1), elapse: (ms: number) => vi.advanceTimersByTimeAsync(ms) },
]

describe.each(everyStore)('concurrent transactions on $name', ({ create }) => {
  // No timeouts, since the machine may be busy.
  beforeEach(() => void setup(create(), PATIENT))

  it.each(['locked', 'serializable'] as const)('lose no update when they are %s', async (mode) => {
    const tries = 1_000
    await Promise.all(Array.from({ length: 30 }, () => run(() => increase('count'), { mode, tries })))
    expect(await cache.get('count')).toBe(30)
  })

  it('lose no increment when they are fast', async () => {
    await cache.set('count', 0, { ttl: 100 })
    await Promise.all(Array.from({ length: 30 }, () => run(() => cache.incr('count'), { mode: 'fast' })))
    expect(await cache.get('count')).toBe(30)
    expect(await cache.getExpire('count')).toBeGreaterThan(90)
  })

  it.each(['locked', 'fast'] as const)(
    'add to concurrent increments without a lock, when they are %s',
    async (mode) => {
      await cache.set('count', 10)
      await run(
        async () => {
          await cache.incr('count')
          await outsideTransaction(() => cache.incr('count', 100))
          await cache.set('else', 1)
        },
        { mode },
      )
      expect(await cache.getMany(['count', 'else'])).toEqual([111, 1])
    },
  )

  it('have no write skew when they are serializable: one of two doctors stays on call', async () => {
    for (let round = 0; round < 20; round++) {
      await cache.setMany({ alice: true, bob: true })
      const leave = (who: string) =>
        run(
          async () => {
            const [alice, bob] = await cache.getMany<boolean>(['alice', 'bob'])
            if (alice && bob) await cache.set(who, false)
          },
          { mode: 'serializable' },
        )
      await Promise.all([leave('alice'), leave('bob')])
      expect((await cache.getMany(['alice', 'bob'])).filter(Boolean)).toHaveLength(1)
    }
  })

  it.each(['locked', 'serializable', 'fast'] as const)(
    'do not write a second time what a command under way has read, when they are %s',
    async (mode) => {
      const writing = run(
        async (tx) => {
          await cache.set('key', 'ours')
          const reading = cache.getMany(['key', 'other'])
          await tx.commit()
          await reading
          await outsideTransaction(() => cache.set('key', 'theirs'))
        },
        { mode },
      )
      await Promise.allSettled([writing]) // A serializable one is rejected with a conflict.
      expect(await cache.get('key')).toBe('theirs')
    },
  )

  it.each(['locked', 'serializable', 'fast'] as const)(
    'forget what they roll back, even with a command under way, when they are %s',
    async (mode) => {
      await run(
        async (tx) => {
          await cache.set('key', 'ours')
          const reading = cache.getMany(['key', 'other'])
          await tx.rollback()
          await reading
        },
        { mode },
      )
      expect(await cache.get('key')).toBeUndefined()
    },
  )

  it('restart without committing anything when a command under way fails to lock its key', async () => {
    const isHeld = gate()
    const end = gate()
    const other = run(async () => {
      await cache.set('a', 'theirs')
      isHeld.open()
      await end.promise
    })
    await isHeld.promise
    let runs = 0
    const ours = run(async (tx) => {
      runs++
      await cache.set('b', runs)
      const setting = cache.set('a', 'ours')
      setting.catch(end.open)
      await tx.commit()
      await setting
    })
    await Promise.all([ours, other])
    expect(await cache.getMany(['a', 'b'])).toEqual(['ours', 2])
  })

  const everyMode = ['locked', 'serializable', 'fast'] as const
  const inOneWay = everyMode.flatMap((mode) => (['delete', 'expire'] as const).map((way) => ({ mode, way })))

  it.each(inOneWay)('keep what others wrote after a tag made the key absent: $way, $mode', async ({ mode, way }) => {
    const tags = createTags(cache)
    await cache.setMany({ key: 'old', other: 'old' }, { tags: ['tag'] })
    const disturbed = new Set<string>()
    const disturbOnce = async (key: string, value: unknown) => {
      if (!disturbed.has(key)) await outsideTransaction(() => cache.set(key, value))
      disturbed.add(key)
    }
    const written = run(
      async () => {
        await tags[way]('tag')
        await cache.set('key', 'mine', { exists: false })
        await disturbOnce('key', 'theirs')
      },
      { mode },
    )
    await (mode === 'serializable' ? written : expect(written).rejects.toThrow(TransactionConflictError))
    await cache.incr('count', 5, { tags: ['tag'] })
    await run(
      async () => {
        await tags[way]('tag')
        await cache.incr('count')
        await disturbOnce('count', 10)
      },
      { mode },
    )
    expect(await cache.getMany(['key', 'other', 'count'])).toEqual(['theirs', undefined, 11])
  })

  it('run again when a key was changed that they read, wrote with a tag, and deleted by the tag', async () => {
    const tags = createTags(cache)
    await cache.set('key', 1)
    let runs = 0
    await run(
      async () => {
        await cache.set('read', (await cache.get('key')) as number)
        await cache.set('key', 0, { tags: ['tag'] })
        await tags.delete('tag')
        if (runs++ === 0) await outsideTransaction(() => cache.set('key', 2))
      },
      { mode: 'serializable' },
    )
    expect(await cache.getMany(['key', 'read'])).toEqual([undefined, 2])
  })

  it('run again when a key that they read was given a tag that they delete', async () => {
    const tags = createTags(cache)
    await cache.set('key', 1)
    let runs = 0
    await run(
      async () => {
        await cache.set('read', (await cache.get('key')) as number)
        if (runs++ === 0) await outsideTransaction(() => cache.set('key', 2, { tags: ['tag'] }))
        await tags.delete('tag')
      },
      { mode: 'serializable' },
    )
    expect(await cache.getMany(['key', 'read'])).toEqual([undefined, 2])
  })

  it('never deadlock', async () => {
    const move = (from: string, to: string) =>
      run(async () => {
        await increase(from)
        await increase(to)
      })
    const keys = ['a', 'b', 'c']
    const pairs = keys.flatMap((from) => keys.filter((to) => to !== from).map((to) => [from, to] as const))
    await Promise.all(pairs.map(([from, to]) => move(from, to)))
    expect(await cache.getMany(keys)).toEqual([4, 4, 4])
  })

  it.each([
    ['fails', () => Promise.reject(new Error('failed'))],
    ['ends', () => Promise.resolve()],
  ])('leave no lock of a command that is still under way when its transaction %s', async (_, end) => {
    const late: Promise<unknown>[] = []
    const ended = run(() => {
      late.push(Promise.allSettled([cache.get('a'), cache.set('b', 1)]))
      return end()
    }).catch(({ message }) => message)
    expect(['failed', undefined]).toContain(await ended)
    await Promise.all(late)
    await run(() => Promise.all([cache.set('a', 2), cache.set('b', 2)]), { timeout: '1s' })
    expect(await cache.getMany(['a', 'b'])).toEqual([2, 2])
  })

  it('stop waiting for a lock when they fail meanwhile', async () => {
    const [held, step] = [gate(), gate()]
    const holder = run(async () => {
      await cache.set('a', 1)
      held.open()
      await step.promise
    })
    await held.promise
    const late: Promise<unknown>[] = []
    const failed = run(async () => {
      late.push(cache.set('a', 2).catch(({ code }) => code))
      throw new Error('failed')
    })
    await expect(failed).rejects.toThrow('failed')
    expect(await Promise.all(late)).toEqual(['CASHEWS_TRANSACTION_CLOSED'])
    step.open()
    await holder
    expect(await cache.get('a')).toBe(1)
  })

  it('lock the keys given in advance all at once', async () => {
    const keys = ['b', 'a']
    await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        run(
          async () => {
            await increase(at % 2 ? 'a' : 'b')
            await increase(at % 2 ? 'b' : 'a')
          },
          { keys, tries: 1 },
        ),
      ),
    )
    expect(await cache.getMany(keys)).toEqual([10, 10])
  })
})

describe('a locked transaction', () => {
  it('makes others wait for keys it has read or written, no longer than their timeout', async () => {
    vi.useFakeTimers()
    setup(memory())
    const step = gate()
    const first = run(async () => {
      await cache.get('read')
      await cache.set('written', 1)
      await step.promise
    })
    await settle()
    for (const key of ['read', 'written']) {
      const second = run(() => cache.set(key, 2), { timeout: 0.1 })
      const refused = expect(second).rejects.toThrow(LockedError)
      await vi.advanceTimersByTimeAsync(150)
      await refused
    }
    const third = run(() => cache.set('written', 3))
    await vi.advanceTimersByTimeAsync(5_000)
    step.open()
    await first
    await vi.advanceTimersByTimeAsync(200)
    await third
    expect(await cache.get('written')).toBe(3)
  })

  it('holds its locks longer than its timeout by renewing them', async () => {
    vi.useFakeTimers()
    setup(reference())
    const long = run(
      async () => {
        await cache.set('key', 1)
        await new Promise((resolve) => setTimeout(resolve, 60_000))
      },
      { timeout: 1 },
    )
    await vi.advanceTimersByTimeAsync(30_000)
    const refused = expect(run(() => cache.set('key', 2), { timeout: 1 })).rejects.toThrow(LockedError)
    await vi.advanceTimersByTimeAsync(2_000)
    await refused
    await vi.advanceTimersByTimeAsync(30_000)
    await long
    expect(await cache.get('key')).toBe(1)
  })

  it('writes nothing after its lock has expired and another transaction has taken it', async () => {
    setup(memory())
    const frozen = run(
      async () => {
        const count = (await cache.get<number>('key')) ?? 0
        blockEventLoop(400)
        await outsideTransaction(() => transaction(cache, () => cache.set('key', 'other')))
        await cache.set('key', count + 1)
      },
      { timeout: 0.3 },
    )
    await expect(frozen).rejects.toThrow(LockedError)
    expect(await cache.get('key')).toBe('other')
  })

  it('is refused by the store when its lock was lost unnoticed', async () => {
    const store = reference()
    setup(store)
    const robbed = run(async () => {
      await cache.set('key', 'mine')
      await store.apply([], [{ op: 'lock', lock: 'key\0transaction', token: 'thief', lifetime: 60_000 }])
    })
    await expect(robbed).rejects.toThrow(TransactionConflictError)
    expect(await cache.exists('key')).toBe(false)
  })

  it('fails at the next command when a renewal finds a lock taken', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] })
    const store = reference()
    setup(store)
    const robbed = run(async () => {
      await cache.set('key', 'mine')
      await store.apply([], [{ op: 'lock', lock: 'key\0transaction', token: 'thief', lifetime: 60_000 }])
      await vi.advanceTimersByTimeAsync(4_000)
      await cache.get('key')
    })
    await expect(robbed).rejects.toThrow(LockedError)
  })

  it('survives a renewal that finds the store away', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] })
    const store = sickStore()
    setup(store)
    await run(async () => {
      await cache.set('key', 'mine')
      store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
      await vi.advanceTimersByTimeAsync(4_000)
      store.health.illness = undefined
      await vi.advanceTimersByTimeAsync(4_000)
      expect(await cache.get('key')).toBe('mine')
    })
    expect(await cache.get('key')).toBe('mine')
  })

  it('frees its locks however it ends', async () => {
    setup(reference())
    await run(() => cache.set('key', 1))
    await run((tx) => cache.set('key', 2).then(() => tx.rollback()))
    await run(async () => {
      await cache.set('key', 3)
      throw new Error('no')
    }).catch(() => undefined)
    expect(await run(() => cache.set('key', 4), { timeout: 5 })).toBe(true)
  })

  it('has freed its locks when it ends, on a store that takes its time', async () => {
    const store = reference()
    const locks = store.locks as Locks
    const release: Locks['release'] = async (...lock) => {
      await new Promise((resolve) => setImmediate(resolve))
      return locks.release(...lock)
    }
    setup(altered(store, { locks: { ...locks, release } }))
    const failing = run(async () => {
      await cache.set('key', 1)
      expect(await locks.isLocked('key\0transaction')).toBe(true)
      throw new Error('failed inside')
    })
    await expect(failing).rejects.toThrow('failed inside')
    expect(await locks.isLocked('key\0transaction')).toBe(false)
  })

  it('rejects at its end when the function has swallowed the error of a lock', async () => {
    setup(memory())
    const step = gate()
    const first = run(async () => {
      await cache.set('key', 1)
      await step.promise
    })
    await settle()
    const second = run(() => cache.set('key', 2).catch(() => 'swallowed'), { timeout: 0.05 })
    await expect(second).rejects.toThrow(LockedError)
    step.open()
    await first
  })

  it('restarts once, without its locks, when it would have to wait out of order', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] })
    setup(memory())
    const step = gate()
    const holder = run(async () => {
      await cache.set('a', 1)
      await step.promise
    })
    await settle()
    let runs = 0
    const restarted = run(async () => {
      runs++
      await cache.set('b', runs)
      await cache.set('a', 'restarted').catch((error) => {
        expect(error).toBeInstanceOf(TransactionRestartError)
        throw error
      })
    })
    await vi.advanceTimersByTimeAsync(1_000)
    step.open()
    await vi.advanceTimersByTimeAsync(1_000)
    await Promise.all([holder, restarted])
    expect(runs).toBe(2)
    expect(await cache.getMany(['a', 'b'])).toEqual(['restarted', 2])
  })

  it('is refused when it would have to restart after a partial commit', async () => {
    setup(memory())
    const held = gate()
    const other = run(async () => {
      await cache.set('a', 'theirs')
      await held.promise
    })
    const refused = run(async (tx) => {
      await cache.set('first', 1)
      await tx.commit()
      await cache.set('b', 'mine')
      await cache.set('a', 'mine')
    })
    await expect(refused).rejects.toThrow(LockedError)
    held.open()
    await other
    expect(await cache.getMany(['first', 'a', 'b'])).toEqual([1, 'theirs', undefined])
  })

  it.each(['inspect', 'tags'] as const)(
    'fails when %s does not answer, and treats nothing as absent',
    async (member) => {
      const store = reference()
      const away = () => Promise.reject(new BackendUnavailableError('not connected'))
      const tags = { ...(store.tags as Tags), of: away }
      setup(altered(store, { guard, ...(member === 'tags' ? { tags } : { inspect: away }) }))
      await cache.set('count', 5)
      const increasing = run(async () => {
        await createTags(cache).delete('another')
        await increase('count')
      })
      await expect(increasing).rejects.toThrow(BackendUnavailableError)
      expect(await cache.get('count')).toBe(5)
    },
  )

  it.each(['its first read', 'a read after it has deleted a tag'])(
    'lets others call a cached function that it has called: %s',
    async (when) => {
      setup(memory())
      const tags = createTags(cache)
      const read = cached(cache, { ttl: 60, key: 'hot', tags: ['a'] }, async () => 'loaded')
      await read()
      const transact = (before: Promise<void>) =>
        run(async () => {
          if (when !== 'its first read') await tags.delete('other')
          expect(await read()).toBe('loaded')
          await before
        })
      const step = gate()
      const first = transact(step.promise)
      await settle()
      await transact(Promise.resolve())
      step.open()
      await first
    },
  )

  it('reads again what a cached function has stored, once it has locked the key', async () => {
    setup(memory())
    const tags = createTags(cache)
    const read = cached(cache, { ttl: 60, key: 'copy' }, async () => 1)
    await read()
    await run(async () => {
      await tags.delete('other')
      expect(await read()).toBe(1)
      await outsideTransaction(() => cache.set('copy', 2))
      await increase('copy')
    })
    expect(await read.peek()).toBe(3)
  })

  it('needs a backend with locks', async () => {
    setup({ ...memory(), locks: false, get: () => 1, name: 'lockless' } as unknown as Backend)
    await expect(run(() => cache.get('key'))).rejects.toThrow(NotSupportedError)
  })
})

describe('a serializable transaction', () => {
  it('runs again after a conflict, and gives up after the tries', async () => {
    setup(memory())
    let runs = 0
    const disturbed = run(
      async () => {
        runs++
        await cache.get('key')
        await outsideTransaction(() => cache.set('key', runs))
        await cache.set('mine', 1)
      },
      { mode: 'serializable', tries: 3 },
    )
    await expect(disturbed).rejects.toMatchObject({ code: 'CASHEWS_TRANSACTION_CONFLICT' })
    expect(runs).toBe(3)
    expect(await cache.exists('mine')).toBe(false)
  })

  it('does not run again after a partial commit', async () => {
    setup(memory())
    let runs = 0
    const disturbed = run(
      async (tx) => {
        runs++
        await cache.set('first', runs)
        await tx.commit()
        await cache.get('key')
        await outsideTransaction(() => cache.set('key', runs))
      },
      { mode: 'serializable' },
    )
    await expect(disturbed).rejects.toThrow(TransactionConflictError)
    expect([runs, await cache.get('first')]).toEqual([1, 1])
  })

  it('reads the same value of a key twice', async () => {
    setup(memory())
    await cache.set('key', 1)
    let runs = 0
    await run(
      async () => {
        const first = await cache.get('key')
        if (runs++ === 0) await outsideTransaction(() => cache.set('key', 2))
        expect(await cache.get('key')).toBe(first)
      },
      { mode: 'serializable' },
    )
    expect(runs).toBe(2)
  })

  it('runs again when a key that it found absent was written, although a cached function read it at the same moment', async () => {
    const store = memory()
    setup(altered(store, { inspect: async (key) => store.inspect(key) }))
    const read = cached(cache, { ttl: 60, key: 'key' }, async () => Promise.reject(new Error('the function fails')))
    const failing = () => read().catch(() => undefined)
    const get = () => cache.get('key')
    for (const [first, second] of [
      [get, failing],
      [failing, get],
    ] as const) {
      await cache.delete('key')
      let runs = 0
      await run(
        async () => {
          await Promise.all([first(), second()])
          if (runs++ === 0) await outsideTransaction(() => cache.set('key', 'theirs'))
          await cache.set('other', 1)
        },
        { mode: 'serializable' },
      )
      expect(runs).toBe(2)
    }
  })

  it('refuses patterns unless phantoms are allowed', async () => {
    setup(memory())
    await cache.set('a', 1)
    const mode = 'serializable'
    for (const look of [
      () => all(cache.scan('*')),
      () => all(cache.getMatch('*')),
      () => cache.deleteMatch('*'),
      () => cache.getKeysCount(),
      () => cache.clear(),
    ])
      await expect(run<unknown>(look, { mode })).rejects.toThrow(NotSupportedError)
    expect(await run(() => all(cache.scan('*')), { mode, phantoms: true })).toEqual(['a'])
  })
})

describe('a fast transaction', () => {
  it('is refused when a key that it found absent was written', async () => {
    setup(memory())
    const refused = run(
      async () => {
        expect(await cache.set('key', 1, { exists: false })).toBe(true)
        await outsideTransaction(() => cache.set('key', 2))
      },
      { mode: 'fast' },
    )
    await expect(refused).rejects.toThrow(TransactionConflictError)
    expect(await cache.get('key')).toBe(2)
  })

  it('overwrites what others wrote meanwhile', async () => {
    setup(memory())
    await run(
      async () => {
        await cache.get('key')
        await cache.set('key', 'mine')
        await outsideTransaction(() => cache.set('key', 'yours'))
      },
      { mode: 'fast' },
    )
    expect(await cache.get('key')).toBe('mine')
  })
  it.each([
    ['incremented', () => cache.incr('count', 10), 16, '1h'],
    ['deleted', () => cache.delete('count'), 1, '1m'],
  ] as const)(
    'adds to a counter that others have %s meanwhile, with the ttl that this gives',
    async (_, change, count, ttl) => {
      setup(memory())
      await cache.incr('count', 5, { ttl: '1h' })
      await run(
        async () => {
          expect(await cache.incr('count', 1, { ttl: '1m' })).toBe(6)
          await outsideTransaction<unknown>(change)
        },
        { mode: 'fast' },
      )
      expect(await cache.get('count')).toBe(count)
      expect(await cache.getExpire('count')).toBeCloseTo(ttl === '1h' ? 3_600 : 60, 0)
    },
  )

  it('is refused when a set that it changed was changed by others', async () => {
    setup(memory())
    const refused = run(
      async () => {
        await cache.setAdd('set', ['mine'])
        await outsideTransaction(() => cache.setAdd('set', ['theirs']))
      },
      { mode: 'fast' },
    )
    await expect(refused).rejects.toThrow(TransactionConflictError)
    expect(await cache.setPop('set', { count: 2 })).toEqual(['theirs'])
  })

  it.each(['before its commit', 'during its commit'])(
    'keeps a load outside that began %s from storing what it has deleted',
    async (begins) => {
      const store = memory()
      const [sent, answered, loaded] = [gate(), gate(), gate()]
      const apply: Backend['apply'] = async (...step) => {
        await sent.promise
        const isApplied = await store.apply(...step)
        await answered.promise
        return isApplied
      }
      setup(altered(store, { apply }))
      const read = cached(cache, { ttl: 60, key: 'copy' }, async () => {
        await loaded.promise
        return 'old'
      })
      const early = begins === 'before its commit' ? read() : undefined
      await settle()
      const committing = run(() => cache.delete('copy'), { mode: 'fast' })
      await settle()
      const loading = early ?? read()
      await settle()
      sent.open()
      await settle()
      if (!early) answered.open()
      await settle()
      loaded.open()
      expect(await loading).toBe('old')
      answered.open()
      await committing
      expect(await read.peek()).toBeUndefined()
    },
  )

  it('changes only the ttl of what others wrote meanwhile', async () => {
    setup(memory())
    await cache.set('key', 'old')
    await run(
      async () => {
        for (const ttl of ['1h', '2h'] as const) await cache.expire('key', ttl)
        await outsideTransaction(() => cache.set('key', 'theirs'))
      },
      { mode: 'fast' },
    )
    expect(await cache.get('key')).toBe('theirs')
    expect(await cache.getExpire('key')).toBeCloseTo(7_200, 0)
  })

  it('finds in a slow command what a quick one of the same key has read or written meanwhile', async () => {
    const store = memory()
    let opened = gate()
    const inspect = async (key: string) => {
      if (key === 'slow') await opened.promise
      return store.inspect(key)
    }
    setup(altered(store, { inspect }))
    const tags = createTags(cache)
    await cache.setMany({ key: 'old', slow: 'old' })
    await run(
      async () => {
        await tags.delete('any') // from now on, the values to answer are looked up with the tags of their keys
        const reading = cache.getMany(['key', 'slow'])
        await cache.exists('key')
        await cache.set('key', 'mine')
        opened.open()
        expect(await reading).toEqual(['mine', 'old'])
      },
      { mode: 'fast' },
    )
    expect(await cache.get('key')).toBe('mine')
    opened = gate()
    await run(
      async () => {
        const deleting = cache.deleteMany(['key', 'slow'])
        expect(await cache.exists('key')).toBe(true)
        opened.open()
        expect(await deleting).toBe(2)
      },
      { mode: 'fast' },
    )
  })
})

describe.each(['fast', 'locked', 'serializable'] as const)('a %s transaction', (mode) => {
  it('deletes a key although a cached function looks it up at the same moment', async () => {
    const store = memory()
    let opened = gate()
    opened.open()
    const inspect = async (key: string) => {
      await opened.promise
      return store.inspect(key)
    }
    setup(altered(store, { inspect }))
    const tags = createTags(cache)
    let fails = false
    const read = cached(cache, { ttl: 60, key: 'copy' }, async () => {
      if (fails) throw new Error('the function fails')
      return 'old'
    })
    await read()
    fails = true
    await run(
      async () => {
        await tags.delete('other')
        opened = gate()
        const deleting = read.invalidate()
        const reading = read().catch(() => 'failed')
        opened.open(undefined)
        await Promise.all([deleting, reading])
      },
      { mode },
    )
    expect(await read.peek()).toBeUndefined()
  })
})

describe('a commit that fails', () => {
  const write = () => run(() => cache.set('key', 1), { mode: 'fast' })

  it('rejects even if the backend suppresses errors, and later writes reach the store', async () => {
    const store = sickStore()
    setup(store)
    const failing = run(
      async () => {
        await cache.set('key', 1)
        store.health.illness = () => Promise.reject(new BackendError('out of memory'))
      },
      { mode: 'fast' },
    )
    await expect(failing).rejects.toThrow('out of memory')
    store.health.illness = undefined
    expect(await cache.exists('key')).toBe(false)
    expect(await cache.set('key', 2)).toBe(true)
  })

  it('by a conflict is thrown with suppress: true too', async () => {
    setup(memory())
    const refused = run(
      async () => {
        await cache.set('key', 'mine', { exists: false })
        await outsideTransaction(() => cache.set('key', 'theirs'))
      },
      { mode: 'fast', suppress: true },
    )
    await expect(refused).rejects.toThrow(TransactionConflictError)
    expect(await cache.get('key')).toBe('theirs')
  })

  it('is only reported with suppress: true', async () => {
    const store = sickStore()
    setup(store)
    const answer = run(
      async () => {
        await cache.set('key', 1)
        store.health.illness = () => Promise.reject(new BackendError('out of memory'))
        return 'answer'
      },
      { mode: 'fast', suppress: true },
    )
    expect(await answer).toBe('answer')
    expect(errors.map(String)).toEqual(['BackendError: out of memory'])
  })

  it.each([
    ['only its answer was lost', new BackendUnavailableError('the connection was reset')],
    [
      'one of several servers, and not all of them, lost its answer',
      new BackendError('the connection to one server was reset', { isUndone: false }),
    ],
  ])('is recognized as done when %s', async (_, error) => {
    const store = reference()
    setup(
      altered(store, {
        async apply(expectations, writes) {
          await store.apply(expectations, writes)
          throw error
        },
      }),
    )
    await write()
    expect(await cache.get('key')).toBe(1)
  })

  it('is known not to have happened when it was never sent, however long the store stays away', async () => {
    const store = reference()
    const away = () => Promise.reject(new BackendUnavailableError('not connected', { isUndone: true }))
    setup(altered(store, { apply: away, locks: { ...(store.locks as Locks), acquire: away } }))
    await expect(write()).rejects.toThrow(BackendUnavailableError)
  })

  it('is ruled out after a lost connection, also when it arrives late', async () => {
    const store = reference()
    const step = gate()
    const applied = gate<boolean>()
    setup(
      altered(store, {
        async apply(expectations, writes) {
          step.promise.then(async () => applied.open(await store.apply(expectations, writes)))
          throw new BackendUnavailableError('the connection was reset')
        },
      }),
    )
    await expect(write()).rejects.toThrow(BackendUnavailableError)
    step.open()
    expect(await applied.promise).toBe(false)
    expect(await cache.exists('key')).toBe(false)
  })

  it('is of unknown outcome when the store does not come back', async () => {
    vi.useFakeTimers()
    const store = sickStore()
    setup(store)
    await cache.init()
    const failing = run(
      async () => {
        await cache.set('key', 1)
        store.health.illness = hangs
      },
      { mode: 'fast' },
    )
    const unknown = expect(failing).rejects.toThrow(TransactionUnknownError)
    await vi.advanceTimersByTimeAsync(5_000)
    await unknown
  })

  it('of unknown outcome in one of several stores is a partial commit', async () => {
    vi.useFakeTimers()
    const store = sickStore()
    setup(store, { prefix: 'a:' })
    cache.setup(distantStore(), { prefix: 'b:' })
    await cache.init()
    const failing = run(
      async () => {
        await cache.setMany({ 'a:1': 1, 'b:1': 1 })
        store.health.illness = hangs
      },
      { mode: 'fast' },
    )
    const partial = expect(failing).rejects.toMatchObject({
      code: 'CASHEWS_TRANSACTION_PARTIAL',
      committed: [],
      failed: ['a:1', 'b:1'],
    })
    await vi.advanceTimersByTimeAsync(5_000)
    await partial
    expect(await cache.exists('b:1')).toBe(false)
  })

  it('is refused at once by a store that is known to be away', async () => {
    vi.useFakeTimers()
    const store = sickStore()
    setup(store)
    await cache.init()
    store.health.illness = hangs
    const reads = Promise.all([cache.get('a'), cache.get('b')])
    await vi.advanceTimersByTimeAsync(500)
    await reads
    await expect(write()).rejects.toThrow(BackendUnavailableError)
  })

  it('only to store copies, or to delete by pattern what others wrote meanwhile, is reported', async () => {
    const store = memory()
    const [full, slow] = [new BackendError('full'), new BackendError('too slow')]
    const set: Backend['set'] = (key, ...write) => {
      if (key === 'refused') throw full
      return store.set(key, ...write)
    }
    const deleteMatch = () => Promise.reject(slow)
    setup(altered(store, { set, deleteMatch }))
    const load = cached(cache, { ttl: 60, key: '{0}' }, async (_key: string) => 'loaded')
    await run(() => Promise.all([load('refused'), load('taken'), cache.deleteMatch('other*')]))
    expect(errors).toEqual([slow, full])
    expect([await load.peek('refused'), await load.peek('taken')]).toEqual([undefined, 'loaded'])
  })

  it('of a distant store leaves a memory store unchanged', async () => {
    const store = sickStore()
    setup(store, { prefix: 'far:' })
    cache.setup(memory())
    const failing = run(
      async () => {
        await cache.setMany({ near: 1, 'far:key': 1 })
        store.health.illness = () => Promise.reject(new BackendError('out of memory'))
      },
      { mode: 'fast' },
    )
    await expect(failing).rejects.toThrow(BackendError)
    expect(await cache.exists('near')).toBe(false)
  })

  it('after another store has committed lists what was written, and what was not', async () => {
    setup(reference(), { prefix: 'a:' })
    const second = reference()
    cache.setup(altered(second, { apply: () => Promise.reject(new BackendError('read only')) }), { prefix: 'b:' })
    const failing = run(() => cache.setMany({ 'a:1': 1, 'b:1': 1 }), { mode: 'fast' })
    await expect(failing).rejects.toThrow(TransactionPartialError)
    await expect(failing).rejects.toMatchObject({
      code: 'CASHEWS_TRANSACTION_PARTIAL',
      committed: ['a:1'],
      failed: ['b:1'],
    })
    expect(await cache.get('a:1')).toBe(1)
  })

  it('after all that was written has committed says that the rest has not', async () => {
    const second = reference()
    let checks = 0 // the first is made before anything is written
    const refusing: Backend['apply'] = (expectations, writes) =>
      ++checks > 1 ? Promise.reject(new BackendError('gone')) : second.apply(expectations, writes)
    setup(reference(), { prefix: 'a:' }).setup(altered(second, { apply: refusing }), { prefix: 'b:' })
    const failing = run(
      async () => {
        await cache.set('a:1', 1)
        await cache.get('b:1')
      },
      { mode: 'serializable' },
    )
    await expect(failing).rejects.toThrow('Committed "a:1", but not the rest: gone')
    await expect(failing).rejects.toMatchObject({ committed: ['a:1'], failed: [] })
  })

  it('after the deletion of its tags leaves the tags deleted', async () => {
    const store = reference()
    const refusing: Backend['apply'] = (expectations, writes) => {
      if (writes.length > 0) throw new BackendError('read only')
      return store.apply(expectations, writes)
    }
    setup(altered(store, { apply: refusing }))
    const tags = createTags(cache)
    await cache.set('old', 1, { tags: ['a'] })
    const failing = run(() => Promise.all([tags.delete('a'), cache.set('key', 1)]), { mode: 'fast' })
    await expect(failing).rejects.toThrow('read only')
    expect(await cache.getMany(['old', 'key'])).toEqual([undefined, undefined])
  })

  it('by a conflict that is found beforehand deletes no tag', async () => {
    setup(reference())
    const tags = createTags(cache)
    await cache.set('old', 1, { tags: ['a'] })
    const failing = run(
      async () => {
        await cache.get('key')
        await outsideTransaction(() => cache.set('key', 'other'))
        await cache.set('key', 'own')
        await tags.delete('a')
      },
      { mode: 'serializable', tries: 1 },
    )
    await expect(failing).rejects.toThrow(TransactionConflictError)
    expect(await cache.getMany(['old', 'key'])).toEqual([1, 'other'])
  })

  it('by a conflict in one of several stores leaves all of them unchanged', async () => {
    setup(reference(), { prefix: 'a:' })
    cache.setup(reference(), { prefix: 'b:' })
    const failing = run(
      async () => {
        await cache.set('a:1', 1)
        await cache.get('b:1')
        await outsideTransaction(() => cache.set('b:1', 'other'))
      },
      { mode: 'serializable', tries: 1 },
    )
    await expect(failing).rejects.toThrow(TransactionConflictError)
    expect(await cache.exists('a:1')).toBe(false)
  })
})

describe('a store whose atomic steps are limited to one part, such as a slot', () => {
  const parted = () => altered(reference(), { partOf: (key) => /\{(.*)\}/.exec(key)?.[1] ?? key })

  it('refuses the first key of another part before anything is written', async () => {
    setup(parted())
    const split = run(async () => {
      await cache.set('{1}:a', 1)
      await cache.set('{1}:b', 1)
      await cache.set('{2}:a', 1)
    })
    await expect(split).rejects.toThrow(CrossSlotError)
    expect(await cache.getKeysCount()).toBe(0)
  })

  it('frees the locks of one part, and a lock of unknown outcome, when the next part fails', async () => {
    const store = parted()
    const { acquire, release, ...others } = store.locks as Locks
    const locks: Locks = {
      ...others,
      release,
      async acquire(name, ...taken) {
        const isTaken = await acquire(name, ...taken)
        if (name.startsWith('{2}')) throw new BackendUnavailableError('no answer')
        return isTaken
      },
    }
    setup(altered(store, { locks }), { suppress: false })
    const split = run(() => cache.setMany({ '{1}:a': 1, '{2}:a': 1 }), { crossSlot: 'per-slot' })
    await expect(split).rejects.toThrow('no answer')
    const held = ['{1}:a', '{2}:a'].map((key) => store.locks && store.locks.isLocked(`${key}\0transaction`))
    expect(await Promise.all(held)).toEqual([false, false])
  })

  it("commits part by part with crossSlot: 'per-slot'", async () => {
    setup(parted())
    for (const mode of ['fast', 'locked', 'serializable'] as const) {
      await run(() => cache.setMany({ '{1}:a': mode, '{2}:a': mode }), { mode, crossSlot: 'per-slot' })
      expect(await cache.getMany(['{1}:a', '{2}:a'])).toEqual([mode, mode])
    }
  })
})

describe('the options of a transaction', () => {
  it('are checked', async () => {
    setup(memory())
    const wrong: readonly [object, string][] = [
      [{ mode: 'loose' }, "no mode 'loose'. The modes are fast, locked, serializable"],
      [{ mode: Object.create(null) }, 'no mode Object {}.'],
      [{ modus: 'fast' }, 'not modus.'],
      [{ tries: 0 }, 'tries must be a whole number from 1 on, not 0.'],
      [{ tries: Symbol('s') }, 'not Symbol(s).'],
      [{ timeout: Number.POSITIVE_INFINITY }, 'A timeout must be finite'],
      [{ mode: 'fast', keys: ['a'] }, "Only the mode 'locked' takes keys"],
      [{ crossSlot: 'maybe' }, "crossSlot must be 'refuse' or 'per-slot', not 'maybe'."],
      [{ keys: 'a' }, "keys must be a list such as ['user:1'], not 'a'."],
      [{ keys: [1] }, "keys must be a list such as ['user:1'], not [1]."],
      [{ keys: 1n }, 'not 1n.'],
      [{ suppress: 'yes' }, "suppress must be true or false, not 'yes'"],
      [{ phantoms: () => true }, 'phantoms must be true or false, not a function'],
      [
        'fast' as unknown as object,
        "A transaction takes the options { mode, timeout, tries, keys, phantoms, crossSlot, suppress }, not 'fast'.",
      ],
      [null as unknown as object, 'not null.'],
      [(() => 1) as object, 'not a function.'],
    ]
    for (const [options, message] of wrong) {
      expect(() => transactional(cache, options)).toThrow(ConfigurationError)
      await expect(run(() => 1, options)).rejects.toThrow(message)
    }
  })

  it('must follow a cache and a function', async () => {
    setup(memory())
    const anyhow = transaction as (...given: unknown[]) => Promise<unknown>
    for (const given of [[async () => 1, cache], [cache, { mode: 'fast' }], [cache]])
      await expect(anyhow(...given)).rejects.toThrow('transaction(cache, async () => { … })')
    expect(() => transactional({} as Cache)).toThrow('takes the cache first, not Object {}.')
  })

  it('must be given a cache of the copy of core that notices it', async () => {
    vi.resetModules()
    const { createCache: createElsewhere } = await import('@cashews/core')
    const other = createElsewhere().setup(memory()) as Cache
    const write = vi.fn(() => other.set('a', 1))
    await expect(transaction(other, write)).rejects.toThrow('another copy of @cashews/core')
    expect(write).not.toHaveBeenCalled()
    expect(() => transactional(other)).toThrow(ConfigurationError)
    await other.close()
  })
})

describe('a transactional function', () => {
  it('keeps its name, length, this and properties', async () => {
    setup(memory())
    const own = Object.assign(
      async function login(this: { host: string } | undefined, user: string, ttl: number) {
        await cache.set(`${this?.host}:${user}`, ttl)
        return ttl
      },
      { key: (user: string) => user },
    )
    const wrapped = transactional(cache)(own)
    expect([wrapped.name, wrapped.length, wrapped.key('x')]).toEqual(['login', 2, 'x'])
    expect(await wrapped.call({ host: 'here' }, 'ada', 5)).toBe(5)
    expect(await cache.get('here:ada')).toBe(5)
  })

  it('may be a method', async () => {
    setup(memory())
    class Sessions {
      readonly host = 'shop'

      @transactional(cache)
      async open(id: string, fail: boolean): Promise<string> {
        await cache.set(`${this.host}:${id}`, 1)
        if (fail) throw new Error('no')
        return id
      }
    }
    expect(await new Sessions().open('a', false)).toBe('a')
    await expect(new Sessions().open('b', true)).rejects.toThrow('no')
    expect(await cache.getMany(['shop:a', 'shop:b'])).toEqual([1, undefined])
  })
})

it('rejects only the transaction when its store stays away for longer than its locks live', async () => {
  vi.useFakeTimers()
  const store = sickStore()
  cache = createCache({ onError: () => {} }).setup(store)
  const lost = transaction(
    cache,
    async () => {
      await cache.set('a', 1)
      store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
      await new Promise((resolve) => setTimeout(resolve, 250))
    },
    { timeout: '150ms' },
  )
  const refused = expect(lost).rejects.toThrow(LockedError)
  await vi.advanceTimersByTimeAsync(5_000)
  await refused
})

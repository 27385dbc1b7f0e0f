import { Readable } from 'node:stream'
import {
  type Cache,
  COMMANDS,
  createCache,
  invalidateFurther,
  KeyTemplateError,
  NotStoredError,
  onTerms,
} from '@cashews/core'
import { registerType } from '@cashews/serialization'
import { iterator, withErrors } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all, fakeTime, gate, settle } from './support/helpers.ts'

class Gone extends Error {}
registerType(Gone, { id: 'tests.gone', encode: ({ message }) => message, decode: (message) => new Gone(message) })

describe.each(stores)('iterator on $name', ({ create, elapse }) => {
  let cache: Cache
  beforeEach(() => {
    fakeTime()
    cache = createCache().setup(create())
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  const source = (items: readonly unknown[]) =>
    vi.fn(async function* (_name = '') {
      yield* items
    })

  it('yields the items of the function, and then the same from the cache until the ttl', async () => {
    const run = source([1, 2, 3])
    const pages = iterator(cache, { ttl: '10s', key: 'pages:{0}' }, run)
    expect(await all(pages('a'))).toEqual([1, 2, 3])
    await settle()
    expect(await all(pages('a'))).toEqual([1, 2, 3])
    expect(run).toHaveBeenCalledTimes(1)
    expect(await all(pages('b'))).toEqual([1, 2, 3])
    expect(run).toHaveBeenCalledTimes(2)
    await elapse(10_000)
    await all(pages('a'))
    expect(run).toHaveBeenCalledTimes(3)
  })

  it('runs for every reader while everything is disabled', async () => {
    const run = source([1])
    const pages = iterator(cache, { ttl: 60, key: 'k' }, run)
    await cache.disabling(COMMANDS, () => Promise.all([all(pages()), all(pages())]))
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('tells detect why it ran and who shared the run, also for readers who leave early', async () => {
    const run = source([1, 2])
    const pages = iterator(cache, { ttl: 60, key: 'k' }, run)
    const leave = async () => {
      for await (const item of pages()) if (item === 1) return
    }
    const found = await Promise.all([cache.detect(leave), cache.detect(() => all(pages()))])
    const told = { strategy: 'iterator', hit: false, reason: 'miss' }
    expect(found.map(({ calls }) => calls['iterator:k']?.map(({ shared }) => shared))).toEqual([[undefined], [true]])
    for (const { calls } of found) expect(calls['iterator:k']).toMatchObject([told])
  })

  it('awaits an asynchronous condition', async () => {
    const run = source([1])
    const pages = iterator(cache, { ttl: 60, key: 'k:{0}', condition: async ([item]) => item !== 1 }, run)
    for (let nth = 0; nth < 2; nth++) {
      await all(pages('a'))
      await settle()
    }
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('stores falsy items and empty sequences', async () => {
    const items = [1, 0, '', null, false, undefined, 2]
    const some = source(items)
    const none = source([])
    const [odd, empty] = [
      iterator(cache, { ttl: 60, key: 'odd' }, some),
      iterator(cache, { ttl: 60, key: 'none' }, none),
    ]
    for (let nth = 0; nth < 2; nth++) {
      expect(await all(odd(''))).toEqual(items)
      expect(await all(empty(''))).toEqual([])
      await settle()
    }
    expect([some, none].map((run) => run.mock.calls.length)).toEqual([1, 1])
  })

  it('stores items as they were yielded, whatever happens to them afterwards', async () => {
    const pages = iterator(cache, { ttl: 60, key: 'k' }, async function* () {
      const page = { rows: [0] }
      for (let nth = 0; nth < 3; nth++) {
        page.rows[0] = nth
        yield page
      }
    })
    const spoil = async () => {
      const seen: unknown[] = []
      for await (const { rows } of pages()) seen.push(rows.pop())
      return seen
    }
    expect(await Promise.all([spoil(), spoil()])).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ])
    await settle()
    expect(await spoil()).toEqual([0, 1, 2])
    expect(await all(pages())).toEqual([{ rows: [0] }, { rows: [1] }, { rows: [2] }])
  })

  it('stores nothing of a sequence that fails, and passes the error on', async () => {
    let fails = true
    const pages = iterator(cache, { ttl: 60, key: 'k' }, async function* () {
      yield 1
      if (fails) throw new Error('half way')
      yield 2
    })
    await expect(all(pages())).rejects.toThrow('half way')
    await settle()
    fails = false
    expect(await all(pages())).toEqual([1, 2])
  })

  it('yields what cannot be stored, and reports it', async () => {
    const onError = vi.fn()
    const cache = createCache({ onError }).setup(create())
    const items = [1, () => 2]
    const pages = iterator(cache, { ttl: 60, key: 'k' }, source(items))
    expect(await all(pages())).toEqual(items)
    await vi.waitFor(() => expect(onError).toHaveBeenCalled())
    await cache.close()
  })

  it('stores nothing when the reader leaves early, and closes the source', async () => {
    const closed = vi.fn()
    const run = vi.fn(async function* () {
      try {
        yield 1
        yield 2
      } finally {
        closed()
      }
    })
    const pages = iterator(cache, { ttl: 60, key: 'k' }, run)
    for await (const page of pages()) {
      expect(page).toBe(1)
      break
    }
    expect(closed).toHaveBeenCalledTimes(1)
    await settle()
    expect(await pages.peek()).toBeUndefined()
    expect(await all(pages())).toEqual([1, 2])
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('lets readers share the run of the first one, each from the start, even if one leaves', async () => {
    const opened = gate()
    const run = vi.fn(async function* () {
      yield 1
      await opened.promise
      yield 2
    })
    const pages = iterator(cache, { ttl: 60, key: 'k' }, run)
    const first = pages()
    expect(await first.next()).toEqual({ done: false, value: 1 })
    const others = [all(pages()), all(pages())]
    await settle()
    await first.return()
    opened.open()
    expect(await Promise.all(others)).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect(run).toHaveBeenCalledTimes(1)
    await settle()
    expect(await pages.peek()).toEqual([1, 2])
  })

  it('runs again for a reader who comes as the last one leaves', async () => {
    const run = source([1, 2, 3])
    const pages = iterator(cache, { ttl: 60, key: 'k' }, run)
    const first = pages()
    await first.next()
    await settle()
    const reading = all(pages())
    await first.return()
    expect(await reading).toEqual([1, 2, 3])
  })

  it('shares a run that has ended with readers who come before it is stored', async () => {
    const isKept = gate<boolean>()
    const run = source([1, 2])
    const pages = iterator(cache, { ttl: 60, key: 'k', condition: () => isKept.promise }, run)
    for (let nth = 0; nth < 2; nth++) {
      expect(await all(pages())).toEqual([1, 2])
      await settle()
    }
    isKept.open(true)
    expect(await all(pages())).toEqual([1, 2])
    expect(await pages.peek()).toEqual([1, 2])
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('runs again inside invalidateFurther and while get is disabled, even if a run is under way', async () => {
    let runs = 0
    const pages = iterator(cache, { ttl: '10s', key: 'pages' }, async function* () {
      yield ++runs
      yield 'more'
    })
    const early = pages()
    expect((await early.next()).value).toBe(1)
    expect(await invalidateFurther(() => all(pages()))).toEqual([2, 'more'])
    expect(await cache.disabling(['get'], () => all(pages()))).toEqual([3, 'more'])
    await early.return()
  })

  it('fails for each reader whose tags cannot be made, and nobody waits for a failed reader', async () => {
    createTags(cache)
    const options = { ttl: '10s', key: 'pages:{0}', tags: ['of:{1}'] } as const
    const pages = iterator(cache, options, async function* (_name: string, _of: unknown) {
      yield 1
    })
    for (let nth = 0; nth < 2; nth++) await expect(all(pages('a', new WeakSet()))).rejects.toThrow(KeyTemplateError)
    expect(await all(pages('a', 'b'))).toEqual([1])
  })

  it('reads no more of the source than its fastest reader', async () => {
    let asked = 0
    const pages = iterator(cache, { ttl: 60, key: 'k' }, async function* () {
      while (asked < 100) yield ++asked
    })
    const reader = pages()
    await reader.next()
    await reader.next()
    await settle()
    expect(asked).toBe(2)
    await reader.return()
  })

  it('delivers a sequence that is too long, and does not store it', async () => {
    const run = source([1, 2, 3])
    const pages = iterator(cache, { ttl: 60, maxItems: 2, key: 'k' }, run)
    expect(await all(pages(''))).toEqual([1, 2, 3])
    await settle()
    expect(await pages.peek('')).toBeUndefined()
    const bytes = iterator(cache, { ttl: 60, maxBytes: 1_000, key: 'b' }, source(['x'.repeat(2_000)]))
    expect(await all(bytes(''))).toHaveLength(1)
    await settle()
    expect(await bytes.peek('')).toBeUndefined()
  })

  it('delivers every item of a sequence that is too long to a slow reader after the fast one has left', async () => {
    const pages = iterator(cache, { ttl: 60, maxItems: 2, key: 'k' }, source([1, 2, 3, 4, 5]))
    const [fast, slow] = [pages(), pages()]
    expect((await Promise.all([fast.next(), slow.next()])).map(({ value }) => value)).toEqual([1, 1])
    for (let nth = 0; nth < 3; nth++) await fast.next()
    await fast.return()
    expect(await all(slow)).toEqual([2, 3, 4, 5])
  })

  it('does not store a sequence that was invalidated while it was read, and nobody joins it', async () => {
    const opened = gate()
    let version = 'old'
    const pages = iterator(cache, { ttl: 60, key: 'k' }, async function* () {
      const mine = version
      yield mine
      if (mine === 'old') await opened.promise
    })
    const reading = all(pages())
    await settle()
    version = 'new'
    await pages.invalidate()
    expect(await all(pages())).toEqual(['new'])
    opened.open()
    expect(await reading).toEqual(['old'])
    await settle()
    expect(await pages.peek()).toEqual(['new'])
  })

  it('runs again for refresh whatever is stored, which is answered until the new sequence is complete', async () => {
    const opened = gate()
    let runs = 0
    const pages = iterator(cache, { ttl: 60, key: 'k' }, async function* () {
      yield ++runs
      if (runs === 2) await opened.promise
      yield 'end'
    })
    await all(pages())
    await settle()
    const refreshing = pages.refresh()
    await settle()
    expect(await all(pages())).toEqual([1, 'end'])
    opened.open()
    expect(await refreshing).toEqual([2, 'end'])
    expect(await all(pages())).toEqual([2, 'end'])
    expect(runs).toBe(2)
  })

  it('keeps what is stored when a refresh fails, or is invalidated', async () => {
    const opened = gate()
    const run = vi.fn(async function* () {
      yield run.mock.calls.length
      if (run.mock.calls.length === 2) throw new Error('half way')
      await opened.promise
    })
    const pages = iterator(cache, { ttl: 60, key: 'k' }, run)
    const first = all(pages())
    await settle()
    await expect(pages.refresh()).rejects.toThrow('half way')
    const joined = all(pages())
    opened.open()
    expect(await Promise.all([first, joined])).toEqual([[1], [1]])
    await settle()
    expect(await pages.peek()).toEqual([1])
    const refreshing = pages.refresh()
    await pages.invalidate()
    expect(await refreshing).toEqual([3])
    expect(await pages.peek()).toBeUndefined()
  })

  it('stores what a refresh that began later read, and not what an older run read', async () => {
    const opened = gate()
    let runs = 0
    const pages = iterator(cache, { ttl: 60, key: 'k' }, async function* () {
      yield ++runs
      if (runs === 1) await opened.promise
    })
    const older = all(pages())
    await settle()
    expect(await pages.refresh()).toEqual([2])
    opened.open()
    expect(await older).toEqual([1])
    await settle()
    expect(await pages.peek()).toEqual([2])
  })

  it('refreshes nothing where only stored answers are allowed, and tells detect of a refresh', async () => {
    const run = source([1])
    const pages = iterator(cache, { ttl: 60, key: 'k' }, run)
    await expect(onTerms({ onlyStored: true }, () => pages.refresh())).rejects.toThrow(NotStoredError)
    expect(run).not.toHaveBeenCalled()
    const { calls } = await cache.detect(() => pages.refresh())
    expect(calls['iterator:k']).toMatchObject([{ strategy: 'iterator', hit: false, reason: 'refresh' }])
  })

  it('stores an error that the condition accepts, and throws it to all readers at the same place', async () => {
    const run = vi.fn(async function* () {
      yield 1
      throw new Gone('half way')
    })
    const ends = async (items: AsyncIterable<unknown>) => {
      const seen: unknown[] = []
      try {
        for await (const item of items) seen.push(item)
      } catch (error) {
        seen.push((error as Error).message)
      }
      return seen
    }
    const pages = iterator(cache, { ttl: 60, key: 'k', condition: withErrors(Gone) }, run)
    expect(await Promise.all([ends(pages()), ends(pages())])).toEqual([
      [1, 'half way'],
      [1, 'half way'],
    ])
    await settle()
    expect(await ends(pages())).toEqual([1, 'half way'])
    expect(run).toHaveBeenCalledTimes(1)
    const none = iterator(cache, { ttl: 60, key: 'none', condition: (items: number[]) => items.length > 1 }, run)
    await ends(none())
    await settle()
    await ends(none())
    expect(run).toHaveBeenCalledTimes(3)
  })

  it('throws an error of the source to every reader, however far behind', async () => {
    const pages = iterator(cache, { ttl: 60, key: 'k' }, async function* () {
      yield 1
      yield 2
      throw new Error('half way')
    })
    const slow = pages()
    expect(await slow.next()).toEqual({ done: false, value: 1 })
    await expect(all(pages())).rejects.toThrow('half way')
    expect(await slow.next()).toEqual({ done: false, value: 2 })
    await expect(slow.next()).rejects.toThrow('half way')
  })

  it('returns a Node or a web stream if asked to, also for functions that return a promise of one', async () => {
    const run = vi.fn(async (text: string) => Readable.from([text, '!']))
    const node = iterator(cache, { ttl: 60, key: 'node:{0}', as: 'node' }, run)
    const web = iterator(
      cache,
      { ttl: 60, key: 'web', as: 'web' },
      () => new Response('hello').body as ReadableStream<Uint8Array>,
    )
    for (let nth = 0; nth < 2; nth++) {
      const stream = node('hi')
      expect(stream).toBeInstanceOf(Readable)
      expect(await stream.toArray()).toEqual(['hi', '!'])
      expect(await new Response(web()).text()).toBe('hello')
      await settle()
    }
    expect(run).toHaveBeenCalledTimes(1)
    expect([node.template, node.name, node.key('x')]).toEqual(['iterator:node:{0}', run.name, 'iterator:node:x'])
    expect(() => iterator(cache, { ttl: 1, key: 'k', as: 'list' as never }, source([]))).toThrow(
      /generator, node or web, not/,
    )
  })

  it('closes the source when a returned stream is destroyed', async () => {
    let closed = false
    const web = iterator(cache, { ttl: 60, key: 'k', as: 'web' }, () =>
      ReadableStream.from(
        (async function* () {
          try {
            for (let item = 0; ; item++) yield item
          } finally {
            closed = true
          }
        })(),
      ),
    )
    const reader = web().getReader()
    expect(await reader.read()).toEqual({ done: false, value: 0 })
    await reader.cancel()
    await settle()
    expect(closed).toBe(true)
    expect(await web.peek()).toBeUndefined()
  })

  it('reads Node and web streams', async () => {
    const node = iterator(cache, { ttl: 60, key: 'node' }, () => Readable.from(['a', 'b']))
    const web = iterator(cache, { ttl: 60, key: 'web' }, () => new Response('hello').body as ReadableStream<Uint8Array>)
    for (let nth = 0; nth < 2; nth++) {
      expect(await all(node())).toEqual(['a', 'b'])
      expect(Buffer.concat(await all(web())).toString()).toBe('hello')
      await settle()
    }
  })

  it('takes a generator that is not asynchronous', async () => {
    const run = vi.fn(function* (count: number) {
      for (let page = 0; page < count; page++) yield page
    })
    const pages = iterator(cache, { ttl: 60, key: 'k:{0}' }, run)
    for (let nth = 0; nth < 2; nth++) {
      expect(await all(pages(2))).toEqual([0, 1])
      await settle()
    }
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('decorates methods, and keeps this and the name', async () => {
    const held = cache
    class Feed {
      readonly id = 'f'
      runs = 0
      @iterator(held, { ttl: 60, key: '{this.id}:{0}' })
      async *pages(count: number) {
        this.runs++
        for (let page = 0; page < count; page++) yield `${this.id}${page}`
      }
    }
    const feed = new Feed()
    expect(await all(feed.pages(2))).toEqual(['f0', 'f1'])
    await settle()
    expect(await all(feed.pages(2))).toEqual(['f0', 'f1'])
    expect([feed.runs, Feed.prototype.pages.name]).toEqual([1, 'pages'])
  })

  it('reports hits and misses to detect', async () => {
    const pages = iterator(cache, { ttl: 60, key: 'k' }, source([1]))
    const miss = await cache.detect(async () => {
      await all(pages(''))
      await settle()
    })
    expect(miss.calls['iterator:k']).toMatchObject([{ strategy: 'iterator', hit: false, reason: 'miss' }])
    const hit = await cache.detect(() => all(pages('')))
    expect(hit.calls['iterator:k']).toMatchObject([{ strategy: 'iterator', hit: true }])
  })

  it('rejects when the function returns no sequence, and takes a string for none', async () => {
    for (const [answer, named] of [
      [1, '1'],
      ['text', "'text'"],
    ]) {
      const wrong = iterator(
        cache,
        { ttl: 60, key: 'k' },
        (async () => answer) as unknown as () => AsyncIterable<number>,
      )
      await expect(all(wrong())).rejects.toThrow(`needs an iterable, not ${named}.`)
    }
    expect(() => iterator(cache, { key: 'k' } as never, source([]))).toThrow(/needs a ttl/)
  })
})

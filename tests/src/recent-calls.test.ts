import { memory } from '@cashews/backend-memory'
import { type Cache, createCache, formatter } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** The keys of recent calls are remembered, which must have no visible effect. */
describe('a call that resembles a recent one', () => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(memory({ size: 100_000 }))
  })
  afterEach(() => cache.close())

  it('is distinguished by any argument of its key', async () => {
    const load = cached(cache, { ttl: '1m', key: 'k:{0}:{1}:{2}' }, async (...args: string[]) => args.join())
    for (let nth = 0; nth < 2; nth++)
      for (const args of ['abc', 'abd', 'acc', 'bbc']) expect(await load(...args)).toBe([...args].join())
  })

  it('is distinguished by a property of the same argument', async () => {
    const load = cached(cache, { ttl: '1m', key: 'k:{user.id}' }, async (user: { id: string }) => user.id)
    for (let nth = 0; nth < 2; nth++) for (const id of ['ada', 'bob']) expect(await load({ id })).toBe(id)
  })

  it('is distinguished by a property when the plain argument is the same', async () => {
    const load = cached(
      cache,
      { ttl: '1m', key: 'k:{page}:{user.id}' },
      async (page: number, user: { id: string }) => `${page} of ${user.id}`,
    )
    for (let nth = 0; nth < 2; nth++) for (const id of ['ada', 'bob']) expect(await load(1, { id })).toBe(`1 of ${id}`)
  })

  it('is distinguished by an argument that its function does not name', async () => {
    const load = cached(cache, { ttl: '1m', name: 'load', args: ['first'] }, async (...all: number[]) => all.join())
    for (let nth = 0; nth < 2; nth++) for (const other of [2, 3]) expect(await load(1, other)).toBe(`1,${other}`)
  })

  it('gets a new key when a formatter of its template was replaced', async () => {
    let unit = 'cm'
    formatter.register('measured', (value: number) => `${value}${unit}`)
    const load = cached(cache, { ttl: '1m', key: 'k:{length:measured}' }, async (length: number) => `${length} ${unit}`)
    expect(await load(1)).toBe('1 cm')
    unit = 'in'
    formatter.register('measured', (value: number) => `${value}${unit}`)
    expect(await load(1)).toBe('1 in')
  })

  it.each([
    ['only', (load: (...args: unknown[]) => Promise<unknown>, filter: object) => load(filter)],
    ['first', (load: (...args: unknown[]) => Promise<unknown>, filter: object) => load(filter, 1)],
    ['second', (load: (...args: unknown[]) => Promise<unknown>, filter: object) => load(1, filter)],
  ])('gets a new key when its %s argument is an object that was changed', async (place, call) => {
    const key = place === 'only' ? 'k:{0}' : 'k:{0}:{1}'
    const load = cached(cache, { ttl: '1m', key }, async (...args: unknown[]) => JSON.stringify(args))
    const filter = { color: 'red' }
    expect(await call(load, filter)).toContain('red')
    filter.color = 'blue'
    expect(await call(load, filter)).toContain('blue')
  })

  it('distinguishes 42, true and an omitted argument from their texts', async () => {
    const load = cached(cache, { ttl: '1m', key: 'k:{0}:{1}' }, async (...args: unknown[]) =>
      args.map((arg) => typeof arg),
    )
    for (let nth = 0; nth < 2; nth++) {
      for (const [id, type] of [
        [42, 'number'],
        ['42', 'string'],
        [true, 'boolean'],
        ['true', 'string'],
        [undefined, 'undefined'],
        ['undefined', 'string'],
      ] as const) {
        expect(await load(id, 'a')).toEqual([type, 'string'])
        expect(await load('a', id)).toEqual(['string', type])
      }
    }
  })

  it('gets the right key among more calls than are remembered', async () => {
    const one = cached(cache, { ttl: '1m', key: 'one:{0}' }, async (id: number) => id)
    const two = cached(cache, { ttl: '1m', key: 'two:{0}:{1}' }, async (a: number, b: number) => a * 1_000 + b)
    for (let nth = 0; nth < 3; nth++)
      for (let id = 0; id < 20_000; id += 1 + nth * 1_999) {
        expect(await one(id)).toBe(id)
        expect(await two(Math.floor(id / 1_000), id % 1_000)).toBe(id)
      }
  })
})

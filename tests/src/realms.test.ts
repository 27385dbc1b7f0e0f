import { runInNewContext } from 'node:vm'
import { memory } from '@cashews/backend-memory'
import { reference } from '@cashews/conformance'
import { createCache } from '@cashews/core'
import { cached, failover, withErrors } from '@cashews/strategies'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

/** Runs code where built-in classes are not the ones of the test, as in Jest and `node:vm`. */
const elsewhere = (code: string): unknown => runInNewContext(code)
const here = (code: string): unknown => new Function(`return ${code}`)()

function open() {
  const cache = createCache().setup(memory())
  onTestFinished(() => cache.close())
  return cache
}

describe('the key of a call', () => {
  const keyOf = (template: string, argument: unknown): string =>
    cached(open(), { ttl: '1h', key: template }, async (_one: unknown) => 1).key(argument)

  it.each([
    'new Date(5)',
    'new Map([[{ a: 1 }, new Map([["b", new Date(6)]])]])',
    'new Set(["a", new Set()])',
    'new Uint8Array([1, 2, 255])',
    '{ list: [{ at: new Date(7) }] }',
  ])('is the same for %s of any realm', (code) => {
    expect(keyOf('k:{0}', elsewhere(`(${code})`))).toBe(keyOf('k:{0}', here(code)))
  })

  it.each(['new Error("a")', 'new TypeError("a")'])('tells %s of another realm from other errors', (code) => {
    const others = ['new Error("b")', 'new TypeError("b")', 'new RangeError("a")', '"a"']
    const keys = [code, ...others].map((other) => keyOf('k:{0}', elsewhere(other)))
    expect(new Set(keys).size).toBe(keys.length)
  })

  it.each(['k:{0:get(a)}', 'k:{0[a]}'])('of the template %s looks into a Map of any realm', (template) => {
    expect(keyOf(template, elsewhere('new Map([["a", "x"]])'))).toBe('k:x')
  })

  it.each(['new Date(NaN)', 'new Float64Array(1)', 'new (class Map { constructor() { this.id = 1 } })'])(
    'does not exist for %s of another realm',
    (code) => {
      expect(() => keyOf('k:{0}', elsewhere(code))).toThrow(/has no key/)
    },
  )

  it.each(['Date', 'Map', 'Set', 'Uint8Array', 'Error'])('does not exist for what only claims to be a %s', (name) => {
    class Claim {
      readonly secret = 1
      get [Symbol.toStringTag]() {
        return name
      }
    }
    expect(() => keyOf('k:{0}', new Claim())).toThrow(/A Claim has no key/)
  })

  it('asks an object that calls itself a Map for its entries', () => {
    class Observable {
      readonly [Symbol.toStringTag] = 'Map'
      readonly #entries = new Map([['a', 'x']])
      get(name: string) {
        return this.#entries.get(name)
      }
    }
    expect(keyOf('k:{0:get(a)}', new Observable())).toBe('k:x')
  })

  it('does not take the toString that every object has for an identity', async () => {
    class Repository {
      @cached(open(), { ttl: '1h', key: 'k:{this}' })
      async load(): Promise<number> {
        return 1
      }
    }
    Object.setPrototypeOf(Repository.prototype, elsewhere('Object.prototype') as object)
    await expect(new Repository().load()).rejects.toThrow('A Repository has no key: give it a toString()')
  })
})

it('copies what another realm made', async () => {
  const cache = open()
  const value = elsewhere(
    '({ at: new Date(5), map: new Map([["a", { b: 1 }]]), list: [{}], bytes: new Uint8Array(2) })',
  )
  await cache.set('k', value)
  const first = await cache.get<{ map: Map<string, { b: number }> }>('k')
  ;(first?.map.get('a') as { b: number }).b = 2
  const found = await cache.get<{ at: Date; map: Map<string, unknown>; list: unknown[]; bytes: Uint8Array }>('k')
  expect([found?.at.getTime(), found?.map.get('a'), found?.list.length, [...(found?.bytes ?? [])]]).toEqual([
    5,
    { b: 1 },
    1,
    [0, 0],
  ])
})

describe('errors of another realm', () => {
  it.each([
    ['Error', 'new Error("down")', true],
    ['Error', 'new TypeError("down")', true],
    ['TypeError', 'new TypeError("down")', true],
    ['TypeError', 'new (class NodeError extends TypeError {})("down")', true],
    ['RangeError', 'new TypeError("down")', false],
    ['TypeError', '"down"', false],
    ['TypeError', 'undefined', false],
  ] as const)('are a listed %s or not: %s', async (listed, code, isForgiven) => {
    const cache = open()
    const load = vi.fn(async () => 'fresh')
    const type = { Error, TypeError, RangeError }[listed]
    const call = failover(cache, { ttl: '1h', key: 'k', errors: [type] }, load)
    await call()
    load.mockRejectedValue(elsewhere(code))
    const answer = await call().then(
      (value) => value,
      () => 'failed',
    )
    expect(answer).toBe(isForgiven ? 'fresh' : 'failed')
  })

  it('are not taken for a class of the app that looks the same', async () => {
    class NotFound extends Error {}
    const cache = open()
    const load = vi.fn(async () => 'fresh')
    const call = failover(cache, { ttl: '1h', key: 'k', errors: [NotFound] }, load)
    await call()
    load.mockRejectedValue(elsewhere('new (class NotFound extends Error {})'))
    await expect(call()).rejects.toThrow()
  })

  it('are stored by withErrors', async () => {
    const load = vi.fn(async () => Promise.reject(elsewhere('new TypeError("down")')))
    const call = cached(open(), { ttl: '1h', key: 'k', condition: withErrors() }, load)
    for (let i = 0; i < 2; i++) await expect(call()).rejects.toThrow('down')
    expect(load).toHaveBeenCalledTimes(1)
  })
})

it('waits until a store is open that answers with a promise of another realm', async () => {
  let isOpen = false
  const store = reference()
  const open = (): Promise<void> =>
    runInNewContext('opened => Promise.resolve().then(opened)')(() => {
      isOpen = true
    })
  const get = async (key: string) => (isOpen ? store.get(key) : 'asked too early')
  const cache = createCache().setup({ ...store, open, get })
  onTestFinished(() => cache.close())
  expect(await cache.get('k', 'none')).toBe('none')
})

// biome-ignore-all lint/complexity/noStaticOnlyClass: static methods are what is tested
import type { Cache } from '@cashews/core'
import { handleOf } from '@cashews/strategies'
import { describe, expect, it } from 'vitest'

export const plain = [
  'cached',
  'early',
  'soft',
  'hit',
  'dynamic',
  'failover',
  'locked',
  'singleFlight',
  'rateLimit',
] as const
export const names = [...plain, 'slidingRateLimit', 'circuitBreaker', 'invalidates'] as const
type Name = (typeof names)[number]

/** A class whose static methods are named after the strategies that decorate them; each tells the `id` of its class by `this`. */
type Shop = Record<Name, (item: string) => Promise<string>> & {
  new (): object
  id: string
  iterator(item: string): AsyncGenerator<string>
}

/** What holds of static methods, whichever way they are decorated. */
export function describeStaticMethods(title: string, Shop: Shop, cache: Cache): void {
  describe(title, () => {
    it.each(names)('of %s keeps this and the name', async (name) => {
      expect([await Shop[name]('a'), await Shop[name]('a')]).toEqual(['shopa', 'shopa'])
      expect(Shop[name].name).toBe(name)
    })

    it.each([...plain, 'iterator'] as const)('of %s has the class in its derived key', (name) => {
      expect(handleOf(Shop, name).template).toMatch(new RegExp(`Shop\\.${name}:item:{item}$`))
    })

    it.each(['cached', 'hit', 'failover', 'iterator', 'singleFlight'] as const)(
      'of %s is not mixed up with what a subclass makes of it',
      async (name) => {
        class Stall extends Shop {
          static override id = 'stall'
        }
        const read = async (shop: typeof Shop) => {
          const answer = shop[name]('b')
          return answer instanceof Promise ? answer : (await answer.next()).value
        }
        expect([await read(Shop), await read(Stall), await read(Shop)]).toEqual(['shopb', 'stallb', 'shopb'])
        expect(handleOf(Stall, name).key('b')).toBe(`${handleOf(Shop, name).key('b')}:this=Stall`)
        expect(handleOf(Stall, name).template).toBe(handleOf(Shop, name).template)
      },
    )

    it('of iterator is replayed', async () => {
      const read = async () => {
        const items: string[] = []
        for await (const item of Shop.iterator('a')) items.push(item)
        return items
      }
      expect([await read(), await read()]).toEqual([['shopa'], ['shopa']])
      expect(await cache.getKeysCount()).toBeGreaterThan(0)
      expect(await handleOf(Shop, 'iterator').peek('a')).toEqual(['shopa'])
      expect(await handleOf(Shop, 'iterator').invalidate('a')).toBe(true)
    })
  })
}

import { memory } from '@cashews/backend-memory'
import { type Bloom, bloom, type DualBloom, dualBloom } from '@cashews/bloom'
import { type Cache, ConfigurationError, createCache, KeyTemplateError } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { describe, expect, it } from 'vitest'

const cache: Cache = createCache().setup(memory())

class Shop {
  asked = 0
  readonly city: string
  readonly stock: readonly string[]

  constructor(city: string, ...stock: readonly string[]) {
    this.city = city
    this.stock = stock
  }

  @bloom(cache, { name: 'sells', capacity: 100 })
  async sells(item: string): Promise<boolean> {
    this.asked++
    return this.stock.includes(item)
  }

  @bloom(cache, { name: 'stocks', capacity: 100, key: '{this.city}:{item:lower}' })
  async stocks(item: string): Promise<boolean> {
    this.asked++
    return this.stock.includes(item.toLowerCase())
  }

  @bloom(cache, { name: 'names', capacity: 100, noSelf: true })
  async names(item: string): Promise<boolean> {
    this.asked++
    return this.stock.includes(item)
  }

  @dualBloom(cache, { name: 'likes', capacity: 100, noSelf: true })
  async likes(item: string): Promise<boolean> {
    this.asked++
    return this.stock.includes(item)
  }

  @dualBloom(cache, { name: 'wants', capacity: 100 })
  async wants(item: string): Promise<boolean> {
    this.asked++
    return !this.stock.includes(item)
  }

  @bloom(cache, { name: 'knows', capacity: 100 })
  static async knows(city: string): Promise<boolean> {
    return city === 'Rome'
  }

  toString(): string {
    return this.city
  }
}

const handleOf = (method: unknown) => method as Bloom<(item: string) => boolean>

describe('a filter as a decorator of a method', () => {
  it('keeps the name and the this of the method', async () => {
    const rome = new Shop('Rome', 'bread')
    expect(rome.sells.name).toBe('sells')
    expect(rome.sells.length).toBe(1)
    expect(await rome.sells('bread')).toBe(true)
    expect(await rome.sells('salt')).toBe(false)
  })

  it('holds elements of each instance, and answers no without asking', async () => {
    const rome = new Shop('Rome', 'bread')
    const oslo = new Shop('Oslo', 'salt')
    await handleOf(rome.sells).of(rome).set('bread')
    await handleOf(oslo.sells).of(oslo).setMany(['salt'])
    const asked = rome.asked
    expect(await rome.sells('salt')).toBe(false)
    expect(rome.asked).toBe(asked)
    expect(await rome.sells('bread')).toBe(true)
    expect(await oslo.sells('bread')).toBe(false)
    expect(await oslo.sells('salt')).toBe(true)
    expect(oslo.asked).toBe(1)
  })

  it('takes properties of the instance into the element, as the key says', async () => {
    const rome = new Shop('Rome', 'bread')
    await handleOf(rome.stocks).of(rome).set('BREAD')
    expect(await rome.stocks('Bread')).toBe(true)
    expect(await new Shop('Oslo', 'bread').stocks('Bread')).toBe(false)
  })

  it('leaves the instance out of the element with noSelf', async () => {
    const rome = new Shop('Rome', 'bread')
    await handleOf(rome.names).of(rome).set('bread')
    const oslo = new Shop('Oslo', 'bread')
    expect(await oslo.names('bread')).toBe(true)
    expect(await oslo.names('salt')).toBe(false)
    expect(oslo.asked).toBe(1)
  })

  it('may be a dual filter', async () => {
    const rome = new Shop('Rome', 'bread')
    for (let time = 0; time < 3; time++) {
      expect(await rome.likes('bread')).toBe(true)
      expect(await rome.likes('salt')).toBe(false)
    }
    expect(rome.asked).toBe(2)
    const likes = rome.likes as unknown as DualBloom<(item: string) => boolean>
    await likes.of(rome).setMany(['wine'], true)
    expect(await rome.likes('wine')).toBe(true)
    expect(rome.asked).toBe(2)
  })

  it('may be a dual filter whose elements include the instance', async () => {
    const rome = new Shop('Rome', 'bread')
    const oslo = new Shop('Oslo', 'salt')
    const handle = rome.wants as unknown as DualBloom<(item: string) => boolean>
    expect(await handle.of(rome).set('salt')).toBe(true)
    await handle.of(oslo).setMany(['salt'], false)
    const asked = [rome.asked, oslo.asked]
    expect([await rome.wants('salt'), await oslo.wants('salt')]).toEqual([true, false])
    expect([rome.asked, oslo.asked]).toEqual(asked)
  })

  it('may decorate a static method', async () => {
    const knows = handleOf(Shop.knows)
    await knows.set('Rome')
    expect(await Shop.knows('Rome')).toBe(true)
    expect(await Shop.knows('Oslo')).toBe(false)
  })

  it('rejects calls on an instance without a text of its own, and says what to do', async () => {
    class Plain {
      @bloom(cache, { name: 'plain', capacity: 10 })
      async has(item: string): Promise<boolean> {
        return item !== ''
      }
    }
    await expect(new Plain().has('a')).rejects.toThrow(KeyTemplateError)
    await expect(new Plain().has('a')).rejects.toThrow('set noSelf: true')
  })

  it('is refused on anything but a method', () => {
    const decorate = bloom(cache, { name: 'none', capacity: 10 }) as unknown as (...args: unknown[]) => unknown
    expect(() => decorate('text')).toThrow(ConfigurationError)
    expect(() => decorate(undefined, { kind: 'field', name: 'has' })).toThrow('decorates methods, not the field "has"')
  })
})

describe('a filter without its function', () => {
  it('is a decorator of functions', async () => {
    const exists = bloom(cache, { name: 'ids', capacity: 10 })(async function known(id: string) {
      return id === 'a'
    })
    expect(exists.name).toBe('known')
    await exists.set('a')
    expect(await exists('a')).toBe(true)
    const isSpam = dualBloom(cache, { name: 'hosts', capacity: 10 })((host: string) => host.endsWith('.spam'))
    expect(await isSpam('casino.spam')).toBe(true)
  })

  it('refuses what cannot work before it has one', () => {
    expect(() => bloom(cache, { capacity: 10 } as never)).toThrow('needs a name')
    expect(() => bloom(cache, { name: 'a', capacity: 0 })).toThrow('at least 1 element, not 0')
    expect(() => dualBloom(cache, { name: 'a', capacity: 1, falsePositives: 100 })).toThrow('between 0 and 100')
  })

  it('reads the parameters of a function that is wrapped in another strategy', async () => {
    const load = cached(cache, { ttl: 60, key: 'known:{id}' }, async (id: string) => id === 'a')
    const exists = bloom(cache, { name: 'cached', capacity: 10 }, load)
    await exists.set('a')
    expect(await exists('a')).toBe(true)
    expect(await exists('b')).toBe(false)
    const outer = cached(cache, { ttl: 60, key: 'outer:{id}' }, exists)
    expect(outer.key('a')).toBe('outer:a')
  })
})

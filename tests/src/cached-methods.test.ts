import { memory } from '@cashews/backend-memory'
import { type Cache, createCache } from '@cashews/core'
import { cached, handleOf, rateLimit, singleFlight } from '@cashews/strategies'
import { describe, expect, it } from 'vitest'

const cache: Cache = createCache().setup(memory())

let counted = 0

class Repo {
  runs = 0
  readonly host: string

  constructor(host = 'localhost') {
    this.host = host
  }

  @cached(cache, { ttl: '2h', key: '{this.host}:name:{user}' })
  async getName(user: string): Promise<string> {
    this.runs++
    return `${this.host}/${user}`
  }

  @cached(cache, { ttl: '2h', noSelf: true })
  async getTitle(user: string): Promise<string> {
    this.runs++
    return `the ${user}`
  }

  @cached(cache, { ttl: '2h' })
  async getSelf(user: string): Promise<string> {
    this.runs++
    return user
  }

  @cached(cache, { ttl: '2h' })
  static async count(of: string): Promise<number> {
    return of.length + ++counted
  }

  @singleFlight(cache, { key: 'slow:{this.host}' })
  async slow(): Promise<number> {
    await Promise.resolve()
    return ++this.runs
  }
}

class Named extends Repo {
  toString(): string {
    return `named ${this.host}`
  }
}

class Keyed extends Repo {
  [Symbol.for('cashews.key')](): string {
    return `keyed ${this.host}`
  }
}

describe('a cached method', () => {
  it('runs with its instance, once for each key', async () => {
    const [one, two] = [new Repo('one'), new Repo('two')]
    expect([await one.getName('bob'), await one.getName('bob'), await two.getName('bob')]).toEqual([
      'one/bob',
      'one/bob',
      'two/bob',
    ])
    expect([one.runs, two.runs]).toEqual([1, 1])
    expect(await cache.get('one:name:bob')).toBe('one/bob')
  })

  it('keeps its name and length', () => {
    expect(Repo.prototype.getName.name).toBe('getName')
    expect(Repo.prototype.getName).toHaveLength(1)
  })

  it('has a derived key with the class in it, and without this when noSelf is set', async () => {
    const repo = new Repo('title')
    await repo.getTitle('king')
    expect(await cache.get('Repo.getTitle:user:king')).toBe('the king')
    expect(await new Repo('other').getTitle('king')).toBe('the king')
  })

  it('has this in a derived key by toString or cashews.key, and rejects calls when there is neither', async () => {
    await expect(new Repo().getSelf('a')).rejects.toThrow(/toString.*\{this\.id\}.*noSelf/)
    await new Named('n').getSelf('a')
    await new Keyed('k').getSelf('a')
    const keys: string[] = []
    for await (const key of cache.scan('Repo.getSelf:*')) keys.push(key)
    expect(keys.sort()).toEqual(['Repo.getSelf:this:keyed k:user:a', 'Repo.getSelf:this:named n:user:a'])
  })

  it('may be a static method', async () => {
    expect([await Repo.count('ab'), await Repo.count('ab')]).toEqual([3, 3])
    expect(await cache.exists('Repo.count:of:ab')).toBe(true)
  })

  it('works for instances of a subclass', async () => {
    const named = new Named('sub')
    expect(await named.getName('bob')).toBe('sub/bob')
    expect(await cache.exists('sub:name:bob')).toBe(true)
  })

  it('under another decorator has its own class in the derived key, also if a subclass is instantiated first', async () => {
    class Shop {
      @rateLimit(cache, { limit: 9, period: '1m', noSelf: true })
      @cached(cache, { ttl: '2h', noSelf: true })
      async open(): Promise<string> {
        return 'shop'
      }
    }
    class Stall extends Shop {
      @cached(cache, { ttl: '2h', noSelf: true })
      override async open(): Promise<string> {
        return `stall of a ${await super.open()}`
      }
    }
    expect([await new Stall().open(), await new Shop().open()]).toEqual(['stall of a shop', 'shop'])
    expect(await cache.getMany(['Shop.open', 'Stall.open'])).toEqual(['shop', 'stall of a shop'])
  })

  it('has a handle for an instance', async () => {
    const repo = new Repo('handle')
    await repo.getName('bob')
    const handle = handleOf(repo, 'getName')
    expect(handle.key('bob')).toBe('handle:name:bob')
    expect(await handle.invalidate('bob')).toBe(true)
    await repo.getName('bob')
    expect(repo.runs).toBe(2)
    expect(await handleOf(repo, repo.getName).invalidate('bob')).toBe(true)
    expect(() => handleOf(repo, () => 1)).toThrow(/^a function of Repo .* is not a method with a strategy/)
    expect(handleOf(Repo, 'count').template).toContain('count')
    expect(() => handleOf({ plain: () => 1 }, 'plain')).toThrow(
      "'plain' of Object {plain} is not a method with a strategy around it.",
    )
    expect(() => handleOf(repo, 'runs' as never)).toThrow(/^'runs' of Repo .* is not a method/)
  })

  it('shares one run with singleFlight', async () => {
    const repo = new Repo('flight')
    expect(await Promise.all([repo.slow(), repo.slow()])).toEqual([1, 1])
    expect(await repo.slow()).toBe(2)
  })
})

describe('a decorator at the wrong place', () => {
  it('says where it belongs', () => {
    const decorate = cached(cache, { ttl: 1, key: 'k' }) as unknown as (value: unknown, context: object) => unknown
    for (const kind of ['field', 'getter', 'accessor', 'class'])
      expect(() =>
        decorate(kind === 'field' ? undefined : class {}, { kind, name: 'x', static: false, addInitializer() {} }),
      ).toThrow(/method/)
  })

  it('names a field that a legacy decorator is given', () => {
    const decorate = cached(cache, { ttl: 1, key: 'k' }) as unknown as (prototype: object, name: string) => unknown
    expect(() => decorate({}, 'load')).toThrow('A strategy decorates methods, not the field "load".')
  })
})

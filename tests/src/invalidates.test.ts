import { type Cache, createCache } from '@cashews/core'
import { cached, invalidates, strategies } from '@cashews/strategies'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'

describe.each(stores)('invalidates on $name', ({ create }) => {
  let cache: Cache
  const onError = vi.fn()
  beforeEach(() => {
    onError.mockReset()
    cache = createCache({ onError }).setup(create())
  })
  afterEach(() => cache.close())

  const keys = async () => {
    const found: string[] = []
    for await (const key of cache.scan('*')) found.push(key)
    return found.sort()
  }

  it('deletes what the template matches, once the function has succeeded', async () => {
    await cache.setMany({ 'items:page:1': 1, 'items:page:2': 2, other: 3 })
    const create = invalidates(cache, 'items:page:*', {}, async (item: string) => `made ${item}`)
    expect(await create('x')).toBe('made x')
    expect(await keys()).toEqual(['other'])
  })

  it('takes the function without options', async () => {
    await cache.setMany({ 'user:a': 1, 'user:b': 2 })
    const update = invalidates(cache, 'user:{id}', async (id: string) => id)
    expect(await update('a')).toBe('a')
    expect(await strategies(cache).invalidates('user:b', async (id: string) => id)('c')).toBe('c')
    expect(await keys()).toEqual([])
  })

  it('renders the template from the arguments; a * in one of them is not a wildcard', async () => {
    await cache.setMany({ 'user:a:x': 1, 'user:b:x': 2, 'user:%2A:x': 3 })
    const update = invalidates(cache, 'user:{id}:*', {}, async (id: string) => id)
    await update('*')
    expect(await keys()).toEqual(['user:a:x', 'user:b:x'])
    await update('a')
    expect(await keys()).toEqual(['user:b:x'])
  })

  it('is a plain delete without a wildcard, of the same key as a strategy makes', async () => {
    const load = cached(cache, { ttl: '1m', key: 'shop:{id}' }, async (id: number) => id)
    await load(7)
    const spy = vi.fn()
    cache.on('deleteMatch', spy)
    await invalidates(cache, 'shop:{id}', {}, async (id: number) => id)(7)
    expect(await load.peek(7)).toBeUndefined()
    expect(spy).not.toHaveBeenCalled()
  })

  it.each([
    ['{{items:*}}:all', 'items of a hash slot', '{items:1}:all'],
    ['{{{id}}}:*', 'a placeholder in a hash slot', '{a-b}:all'],
    ['{id}-*', 'what follows a placeholder', 'a%2Db-1'],
    ['{id}#*', 'what could be a mark', 'a-b,#1'],
    ['list[{id}]?{{}}\\:*', 'what means something in a glob', 'list[a-b]?{}\\:1'],
    ['2\\*3:*', 'a star that stands for itself, before one that does not', '2*3:4'],
    ['2\\*3', 'a star that stands for itself', '2*3'],
  ])('deletes only what matches by %s %s', async (template, _, key) => {
    await cache.setMany({
      [key]: 1,
      'items:1:all': 2,
      'a-b:all': 3,
      'lista?{}:1': 4,
      '2x3:4': 5,
      '2\\*3': 6,
      'a-b-1': 7,
    })
    await invalidates(cache, template, {}, async (id: string) => id)('a-b')
    expect(await keys()).toEqual(['2\\*3', '2x3:4', 'a-b-1', 'a-b:all', 'items:1:all', 'lista?{}:1'])
  })

  it('matches the keys of strategies by a prefix of their template', async () => {
    const load = cached(
      cache,
      { ttl: '1m', key: 'shop {id}-{page}[{size}]' },
      async (id: string, page: string, size: string) => id + page + size,
    )
    await load('a-b', '1-2', '[3]')
    await invalidates(cache, 'shop {id}-*', {}, async (id: string) => id)('a')
    expect(await load.peek('a-b', '1-2', '[3]')).toBe('a-b1-2[3]')
    await invalidates(cache, 'shop {id}-*[{size}]', {}, async (id: string, size: string) => id + size)('a-b', '[3]')
    expect(await load.peek('a-b', '1-2', '[3]')).toBeUndefined()
  })

  it('takes several templates, names by position, and defaults for omitted arguments', async () => {
    await cache.setMany({ 'a:1': 1, 'b:x': 2 })
    const options = { args: ['id', 'kind'], defaults: { kind: 'x' } }
    const change = invalidates(cache, ['a:{id}', 'b:{kind}'], options, async (_first: string, _second?: string) => 1)
    await change('1')
    expect(await keys()).toEqual([])
  })

  it('deletes nothing when the function fails', async () => {
    await cache.set('k', 1)
    const fails = invalidates(cache, 'k', {}, async () => {
      throw new Error('no')
    })
    await expect(fails()).rejects.toThrow('no')
    expect(await keys()).toEqual(['k'])
  })

  it('reports a failed deletion, and returns the result', async () => {
    cache.use((call, next) => {
      if (call.command === 'delete') throw new Error('broken')
      return next(call)
    })
    expect(await invalidates(cache, 'k', {}, () => 'done')()).toBe('done')
    expect(onError).toHaveBeenCalledExactlyOnceWith(new Error('broken'))
  })

  it('decorates methods, and keeps this and the name', async () => {
    const held = cache
    class Shop {
      readonly id = 's'
      @invalidates(held, '{this.id}:*')
      async sell(item: string) {
        return `${this.id} sold ${item}`
      }
    }
    await cache.setMany({ 's:1': 1, 't:1': 2 })
    expect(await new Shop().sell('x')).toBe('s sold x')
    expect(Shop.prototype.sell.name).toBe('sell')
    expect(await keys()).toEqual(['t:1'])
  })

  it('refuses an unknown name when it is defined', () => {
    expect(() => invalidates(cache, 'k:{nope}', {}, async (_id: string) => 1)).toThrow(/nope/)
  })
})

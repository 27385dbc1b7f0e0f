import { createCache } from '@cashews/core'
import { cached, type Handle, notNull, singleFlight, type Wrapped, withErrors } from '@cashews/strategies'
import { describe, expectTypeOf, it } from 'vitest'

interface User {
  id: string
  tags: string[]
}
const cache = createCache()
const getUser = async (id: string, deep = false): Promise<User> => ({ id, tags: deep ? ['deep'] : [] })

describe('a wrapped function', () => {
  it('keeps its exact type', () => {
    const wrapped = cached(cache, { ttl: '3h', key: 'user:{id}' }, getUser)
    expectTypeOf(wrapped).toExtend<Wrapped<typeof getUser>>()
    expectTypeOf(wrapped).toExtend<typeof getUser>()
    expectTypeOf(wrapped).parameters.toEqualTypeOf<[id: string, deep?: boolean | undefined]>()
    expectTypeOf(wrapped).returns.resolves.toEqualTypeOf<User>()
    // @ts-expect-error the id is text
    void wrapped(1)
  })

  it('becomes asynchronous when it was not', () => {
    const wrapped = cached(cache, { ttl: 1 }, function add(a: number, b: number) {
      return a + b
    })
    expectTypeOf(wrapped(1, 2)).resolves.toEqualTypeOf<number>()
    expectTypeOf(wrapped).parameters.toEqualTypeOf<[a: number, b: number]>()
  })

  it('keeps its generics', () => {
    const wrapped = cached(
      cache,
      { ttl: 1, key: (value: unknown) => String(value) },
      async <T>(value: T): Promise<T> => value,
    )
    expectTypeOf(wrapped('text' as const)).resolves.toEqualTypeOf<'text'>()
    expectTypeOf(wrapped({ a: 1 })).resolves.toEqualTypeOf<{ a: number }>()
  })

  it('gains a handle over its own arguments and result', () => {
    const wrapped = cached(cache, { ttl: 1, key: 'user:{id}' }, getUser)
    expectTypeOf(wrapped).toExtend<Handle<typeof getUser>>()
    expectTypeOf(wrapped.key).toEqualTypeOf<(id: string, deep?: boolean) => string>()
    expectTypeOf(wrapped.invalidate('1')).resolves.toEqualTypeOf<boolean>()
    expectTypeOf(wrapped.refresh('1')).resolves.toEqualTypeOf<User>()
    expectTypeOf(wrapped.peek('1')).resolves.toEqualTypeOf<User | undefined>()
    expectTypeOf(wrapped.template).toEqualTypeOf<string>()
    // @ts-expect-error the id is text
    void wrapped.invalidate(1)
  })

  it('is the same by the decorator form', () => {
    const wrapped = cached(cache, { ttl: 1 })(getUser)
    expectTypeOf(wrapped).toEqualTypeOf<Wrapped<typeof getUser>>()
    expectTypeOf(singleFlight(cache)(getUser)).toEqualTypeOf<Wrapped<typeof getUser>>()
  })
})

describe('the options', () => {
  it('give functions the types of the call and of the result', () => {
    cached(
      cache,
      {
        key: (id, deep) => {
          expectTypeOf(id).toEqualTypeOf<string>()
          expectTypeOf(deep).toEqualTypeOf<boolean | undefined>()
          return id
        },
        ttl: (id) => {
          expectTypeOf(id).toEqualTypeOf<string>()
          return '10m'
        },
        ttlFromResult: (user, id) => {
          expectTypeOf(user).toEqualTypeOf<User>()
          expectTypeOf(id).toEqualTypeOf<string>()
          return 10
        },
        condition: (user, { args, key }) => {
          expectTypeOf(user).toEqualTypeOf<User>()
          expectTypeOf(args).toEqualTypeOf<[id: string, deep?: boolean | undefined]>()
          expectTypeOf(key).toEqualTypeOf<string>()
          return user.tags.length > 0
        },
        tags: (user) => user.tags,
      },
      getUser,
    )
    cached(cache, { ttl: 1, key: 'a:{id}', condition: notNull }, getUser)
    cached(cache, { ttl: 1, key: 'b:{id}', condition: withErrors(TypeError) }, getUser)
  })

  it('tell how long a result is kept, in one of two ways', () => {
    cached(cache, { ttlFromResult: (user) => user.tags.length, key: 'ttl:{id}' }, getUser)
    cached(cache, { ttl: (id) => id.length, key: 'ttl:{0}' }, getUser)
    // @ts-expect-error no ttl
    cached(cache, { key: 'k' }, getUser)
    // @ts-expect-error no ttl
    cached(cache, { key: 'k' })
    // @ts-expect-error it may be undefined
    cached(cache, { ttl: undefined as string | undefined, key: 'k' }, getUser)
  })

  it('are checked', () => {
    // @ts-expect-error no unit is called minutez
    cached(cache, { ttl: '10 minutez', key: 'k' }, getUser)
    // @ts-expect-error a ttl function answers a ttl
    cached(cache, { ttl: () => 'soon', key: 'k' }, getUser)
    // @ts-expect-error there is no such option
    cached(cache, { ttl: 1, tll: 1 }, getUser)
    // @ts-expect-error a key function answers text
    cached(cache, { ttl: 1, key: () => 1 }, getUser)
    // @ts-expect-error a key function takes what the function takes
    cached(cache, { ttl: 1, key: (id: number) => `${id}` }, getUser)
  })

  it('check names in a template against args', () => {
    cached(cache, { ttl: 1, key: 'user:{id}:{deep}', args: ['id', 'deep'] }, getUser)
    cached(cache, { ttl: 1, key: 'user:{id.length}', args: ['id'] }, getUser)
    // @ts-expect-error no parameter is called ix
    cached(cache, { ttl: 1, key: 'user:{ix}', args: ['id', 'deep'] }, getUser)
    // @ts-expect-error text has no size
    cached(cache, { ttl: 1, key: 'user:{id.size}', args: ['id'] }, getUser)
  })

  it('check positions in a template against the parameters', () => {
    cached(cache, { ttl: 1, key: 'user:{0}:{1}' }, getUser)
    // @ts-expect-error it takes two
    cached(cache, { ttl: 1, key: 'user:{2}' }, getUser)
    cached(cache, { ttl: 1, key: 'user:{0.id}' }, async (user: User) => user)
    // @ts-expect-error a user has no ix
    cached(cache, { ttl: 1, key: 'user:{0.ix}' }, async (user: User) => user)
  })

  it('take a template whose text is not known', () => {
    cached(cache, { ttl: 1, key: 'user:{id}' as string }, getUser)
    // @ts-expect-error text is not a ttl
    cached(cache, { ttl: 'x' as string, key: 'k' }, getUser)
  })
})

describe('a decorated method', () => {
  it('keeps its type', () => {
    class Repo {
      @cached(cache, { ttl: '2h', key: '{this.host}:name:{user}' })
      async getName(user: string): Promise<string> {
        return user
      }

      @cached(cache, { ttl: '2h', key: (user: string) => user, condition: (name: string) => name !== '' })
      static async find(user: string): Promise<string> {
        return user
      }
    }
    expectTypeOf<Repo['getName']>().toEqualTypeOf<(user: string) => Promise<string>>()
    expectTypeOf(Repo.find).toEqualTypeOf<(user: string) => Promise<string>>()
  })

  it('is asynchronous, by a legacy decorator too, which could not tell its callers', () => {
    const decorate = cached(cache, { ttl: '2h', key: '{0}' })
    decorate({}, 'find', {} as TypedPropertyDescriptor<typeof getUser>)
    decorate({}, 'find', {} as TypedPropertyDescriptor<<T>(value: T) => Promise<T>>)
    decorate({}, 'find', {} as TypedPropertyDescriptor<(id: string) => User | Promise<User>>)
    // @ts-expect-error its callers would read the user off a promise
    decorate({}, 'find', {} as TypedPropertyDescriptor<(id: string) => User>)
  })
})

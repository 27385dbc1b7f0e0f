import { describe, expectTypeOf, it } from 'vitest'
import type { CheckedKey } from '../../src/key/types.ts'

interface User {
  id: string
  tags: string[]
  address?: { city: string }
  meta: Record<string, number>
}
interface Request {
  user: User
  page: number
}
type Names = readonly ['request', 'page']
type Args = [request: Request, page: number]

type OfArgs<K extends string> = CheckedKey<K, Names, Args>
type OfPosition<K extends string> = CheckedKey<K, undefined, Args>

describe('CheckedKey', () => {
  it('is the template when nothing is wrong', () => {
    expectTypeOf<OfArgs<'item:{page}'>>().toEqualTypeOf<'item:{page}'>()
    expectTypeOf<OfArgs<'{request.user.id:lower}:{page:raw}'>>().toEqualTypeOf<'{request.user.id:lower}:{page:raw}'>()
    expectTypeOf<OfArgs<'{request.user.tags[0]}'>>().toEqualTypeOf<'{request.user.tags[0]}'>()
    expectTypeOf<OfArgs<'{request[user]["id"]}'>>().toEqualTypeOf<'{request[user]["id"]}'>()
    expectTypeOf<OfArgs<'{request.user.address.city}'>>().toEqualTypeOf<'{request.user.address.city}'>()
    expectTypeOf<OfArgs<'{request.user.address?.city}'>>().toEqualTypeOf<'{request.user.address?.city}'>()
    expectTypeOf<OfArgs<'{request.user.meta.anything}'>>().toEqualTypeOf<'{request.user.meta.anything}'>()
    expectTypeOf<OfArgs<'{0.user.id}:{1}'>>().toEqualTypeOf<'{0.user.id}:{1}'>()
    expectTypeOf<OfArgs<'plain'>>().toEqualTypeOf<'plain'>()
    expectTypeOf<OfArgs<'{{literal}}:{page}'>>().toEqualTypeOf<'{{literal}}:{page}'>()
  })

  it('accepts what types cannot check', () => {
    expectTypeOf<OfArgs<string>>().toEqualTypeOf<string>()
    expectTypeOf<OfPosition<'{anything.at.all}'>>().toEqualTypeOf<'{anything.at.all}'>()
    expectTypeOf<CheckedKey<'{anything}', readonly string[], Args>>().toEqualTypeOf<'{anything}'>()
    expectTypeOf<OfArgs<'{@tenant}:{this.host.name}'>>().toEqualTypeOf<'{@tenant}:{this.host.name}'>()
    expectTypeOf<CheckedKey<'{x.y.z}', readonly ['x'], [unknown]>>().toEqualTypeOf<'{x.y.z}'>()
    expectTypeOf<CheckedKey<'{x.y.z}', readonly ['x'], never[]>>().toEqualTypeOf<'{x.y.z}'>()
    expectTypeOf<CheckedKey<'{3}', undefined, string[]>>().toEqualTypeOf<'{3}'>()
    expectTypeOf<CheckedKey<'{0.b}', undefined, [{ a: 1 } | { b: 2 }]>>().toEqualTypeOf<'{0.b}'>()
    expectTypeOf<CheckedKey<'{1}', undefined, [string, number?]>>().toEqualTypeOf<'{1}'>()
  })

  it('is a sentence about a wrong name', () => {
    expectTypeOf<
      OfArgs<'item:{pge}'>
    >().toEqualTypeOf<'No parameter "pge" in the key template "item:{pge}": its names are request, page.'>()
    expectTypeOf<
      CheckedKey<'{{x}}:{a}', readonly [], []>
    >().toEqualTypeOf<'No parameter "a" in the key template "{{x}}:{a}": its names are none.'>()
  })

  it('is a sentence about a wrong position', () => {
    expectTypeOf<
      OfPosition<'{1}:{3}'>
    >().toEqualTypeOf<'No parameter at position 3 in the key template "{1}:{3}": the function takes 2.'>()
  })

  it('is a sentence about a wrong path', () => {
    expectTypeOf<
      OfArgs<'{request.user.idd}'>
    >().toEqualTypeOf<'No property "idd" at "request.user.idd" in the key template "{request.user.idd}".'>()
    expectTypeOf<
      OfPosition<'{1.lang:lower}'>
    >().toEqualTypeOf<'No property "lang" at "1.lang" in the key template "{1.lang:lower}".'>()
    expectTypeOf<
      OfArgs<'{request.user.address?.town}'>
    >().toEqualTypeOf<'No property "town" at "request.user.address?.town" in the key template "{request.user.address?.town}".'>()
  })

  it('is a sentence about a name in args that no parameter is left for', () => {
    expectTypeOf<
      CheckedKey<'{id}', readonly ['request', 'id'], [string]>
    >().toEqualTypeOf<'No parameter for "id" in the key template "{id}": args has more names than the function has parameters.'>()
    expectTypeOf<CheckedKey<'{id}', readonly ['request', 'id'], [string, number?]>>().toEqualTypeOf<'{id}'>()
    expectTypeOf<CheckedKey<'{id}', readonly ['request', 'id'], string[]>>().toEqualTypeOf<'{id}'>()
    expectTypeOf<CheckedKey<'{id}', readonly ['request', 'id'], [string, ...number[]]>>().toEqualTypeOf<'{id}'>()
    expectTypeOf<CheckedKey<'{request}', readonly ['request', 'id'], [string]>>().toEqualTypeOf<'{request}'>()
  })

  it('copes with long templates and recursive types', () => {
    interface Tree {
      id: number
      next: Tree
    }
    type Long =
      '{t.next.next.next.next.next.next.id}:{t.id}:{t.id}:{t.id}:{t.id}:{t.id}:{t.id}:{t.id}:{t.id}:{t.id}:{t.id}'
    expectTypeOf<CheckedKey<Long, readonly ['t'], [Tree]>>().toEqualTypeOf<Long>()
  })

  it('is inferred from the option, and shown where the template is wrong', () => {
    function wrap<K extends string, const N extends readonly string[], A extends readonly unknown[]>(
      _options: { readonly key?: CheckedKey<K, N, A> | ((...args: A) => string); readonly args?: N },
      _fn: (...args: A) => unknown,
    ): void {}
    const find = (_request: Request, _page: number) => 1

    wrap({ key: 'item:{page}', args: ['request', 'page'] }, find)
    wrap({ key: 'item:{request.user.id}', args: ['request', 'page'] }, find)
    wrap({ key: 'item:{whatever}' }, find)
    wrap({ key: 'item:{1}' }, find)
    wrap({ key: (request, page) => `${request.user.id}:${page}` }, find)
    wrap({ key: String('item:{pge}'), args: ['request', 'page'] }, find)
    wrap({}, find)
    // @ts-expect-error 'No parameter "pge" in the key template "item:{pge}": its names are request, page.'
    wrap({ key: 'item:{pge}', args: ['request', 'page'] }, find)
    // @ts-expect-error 'No parameter at position 2 …'
    wrap({ key: 'item:{2}' }, find)
    // @ts-expect-error 'No property "idd" at "request.user.idd" …'
    wrap({ key: 'item:{request.user.idd}', args: ['request', 'page'] }, find)
  })
})

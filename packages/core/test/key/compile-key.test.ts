import { describe, expect, it } from 'vitest'
import { KeyTemplateError } from '../../src/errors.ts'
import { compileKey, compileTemplate, type KeySubject } from '../../src/key/compile-key.ts'
import { keyContext, registerKeyContext } from '../../src/key/context.ts'
import { formatter } from '../../src/key/formatter.ts'
import { newSpot } from '../../src/key/recent.ts'
import { keyOf, methodKey } from './key-of.ts'

type AnyFunction = (...args: never[]) => unknown

const subject = (fn: AnyFunction): KeySubject => ({ fn, kind: 'function' })
const template = (fn: AnyFunction, options: Parameters<typeof compileKey>[1] = {}): string =>
  compileKey(subject(fn), options).template

describe('a derived template', () => {
  async function getName(user: string, version = 'v1') {
    return user + version
  }

  it('has the name of the function and of its parameters', () => {
    expect(compileKey(subject(getName), {})).toMatchObject({
      template: 'getName:user:{user}:version:{version}',
      derived: true,
    })
    expect(keyOf(getName, {}, 'me', 'v2')).toBe('getName:user:me:version:v2')
    expect(template(async () => 1, { name: 'config' })).toBe('config')
    expect(template(getName, { prefix: 'early' })).toBe('early:getName:user:{user}:version:{version}')
    expect(template(getName, { args: ['u', 'v'] })).toBe('getName:u:{u}:v:{v}')
  })

  it('needs a name', () => {
    const define = () =>
      compileKey(
        subject(
          (
            () => async () =>
              1
          )(),
        ),
        {},
      )
    expect(define).toThrow(KeyTemplateError)
    expect(define).toThrow('needs the option name or key')
  })

  it('needs parameters that can be read, or args', () => {
    expect(() => template(Math.max)).toThrow('does not show its parameters: give args or key')
    expect(() => template(getName.bind(null))).toThrow('The source of bound getName')
    expect(template(getName.bind(null), { args: ['user', 'version'] })).toBe(
      'bound getName:user:{user}:version:{version}',
    )
  })

  it('keeps braces of a name', () => {
    expect(keyOf(() => 1, { name: 'a{b}' })).toBe('a{b}')
  })

  it('lets an omitted argument share the key of its default', () => {
    expect(keyOf(getName, {}, 'me')).toBe('getName:user:me:version:v1')
    expect(keyOf(getName, {}, 'me', undefined)).toBe('getName:user:me:version:v1')
    expect(keyOf(getName, { args: ['u', 'v'] }, 'me')).toBe('getName:u:me:v:v1')
    expect(keyOf(getName, { key: '{1}' }, 'me')).toBe('v1')
    expect(keyOf(getName, {}, 'me', null)).toBe('getName:user:me:version:#null')
  })

  it('never lets a default that is not known merge different calls', () => {
    const opened = (at = Date.now(), { lang } = { lang: String(at) }) => lang
    const key = (...args: unknown[]): string => keyOf(opened, { name: 'o' }, ...args)
    expect(key()).toBe('o:at:#default:lang:#default')
    expect(key(undefined)).toBe(key())
    expect(key(1, {})).toBe('o:at:#1:lang:#undefined')
    const deep = (options = { user: { id: String(Date.now()) } }) => options
    expect(keyOf(deep, { key: '{options.user.id}' })).toBe('#default')
  })

  it('names destructured properties, with their defaults', () => {
    const find = ({ id, user: { lang = 'en' } = {} }: { id: number; user?: { lang?: string } }) => [id, lang]
    expect(template(find)).toBe('find:id:{id}:lang:{lang}')
    expect(keyOf(find, {}, { id: 1 })).toBe('find:id:#1:lang:en')
    expect(keyOf(find, {}, { id: 1, user: { lang: 'de' } })).toBe('find:id:#1:lang:de')
    expect(() => keyOf(find, {}, null)).toThrow('In {id} of the template')
    const all = ({ page = 1 } = {}) => page
    expect(keyOf(all, {})).toBe(keyOf(all, {}, { page: 1 }))
  })

  it('takes the whole argument where its parts have no names', () => {
    const split = ([first]: readonly string[], { id, ...others }: Record<string, string>) => [first, id, others]
    expect(template(split)).toBe('split:0:{0}:1:{1}')
    expect(keyOf(split, {}, ['a'], { id: 'x', more: 'y' })).toBe('split:0:(a):1:(id=x,more=y)')
  })

  it('takes rest parameters as a list', () => {
    const sum = (first: number, ...others: number[]) => [first, others]
    expect(template(sum)).toBe('sum:first:{first}:others:{others}')
    expect(keyOf(sum, {}, 1)).toBe('sum:first:#1:others:()')
    expect(keyOf(sum, {}, 1, 2, '3')).toBe('sum:first:#1:others:(#2,3)')
    expect(keyOf(sum, { key: '{first}:{1}' }, 1, 2, 3)).toBe('#1:#2')
  })

  it('appends arguments that the function can see without declaring them', () => {
    const peek = function (a: string) {
      // biome-ignore lint/complexity/noArguments: what this is about
      return [a, arguments[1]]
    }
    expect(keyOf(peek, {}, 'x')).toBe('peek:a:x')
    expect(keyOf(peek, {}, 'x', 1, ':')).toBe('peek:a:x:#1:%3A')
    expect(keyOf(Math.max, { args: ['a'] }, 1, 2)).toBe('max:a:#1:#2')
    expect(() => keyOf(peek, {}, 'x', Symbol('no'))).toThrow('In an undeclared argument of the template "peek:a:{a}"')
  })

  it('ignores arguments that the function cannot see, as map() passes them', () => {
    const one = (id: string) => id
    expect(['a', 'b'].map((id, index, all) => keyOf(one, {}, id, index, all))).toEqual(['one:id:a', 'one:id:b'])
  })
})

describe('a derived template of a method', () => {
  class Repo {
    readonly host: string
    constructor(host: string) {
      this.host = host
    }
    static shared(user: string): string {
      return user
    }
    getName(user: string, version = 'v1'): string {
      return user + version
    }
  }
  class Named extends Repo {
    override toString(): string {
      return this.host
    }
  }
  const { getName } = Repo.prototype

  it('has the class, and what toString says of the instance', () => {
    expect(compileKey({ fn: getName, kind: 'method', className: 'Repo' }, {}).template).toBe(
      'Repo.getName:this:{this}:user:{user}:version:{version}',
    )
    const key = 'Named.getName:this:http%3A//example.com:user:me:version:v1'
    expect(methodKey(new Named('http://example.com'), getName, {}, 'me')).toBe(key)
  })

  it('takes Symbol.for("cashews.key") before toString', () => {
    class Keyed extends Named {
      [Symbol.for('cashews.key')](): unknown {
        return { host: this.host }
      }
    }
    expect(methodKey(new Keyed('h'), getName, {}, 'me')).toBe('Keyed.getName:this:(host=h):user:me:version:v1')
  })

  it('fails in the first call of an instance that says nothing, with three remedies', () => {
    const call = () => methodKey(new Repo('h'), getName, {}, 'me')
    expect(call).toThrow(KeyTemplateError)
    expect(call).toThrow(/A Repo has no key: .*toString\(\).*\{this\.id\}.*noSelf: true/)
  })

  it('leaves the instance out with noSelf, and for static methods', () => {
    expect(methodKey(new Repo('h'), getName, { noSelf: true }, 'me')).toBe('Repo.getName:user:me:version:v1')
    expect(compileKey({ fn: Repo.shared, kind: 'static', className: 'Repo' }, {}).template).toBe(
      'Repo.shared:user:{user}',
    )
  })

  it('is the same for a static method that was taken off its class', () => {
    const compiled = compileKey({ fn: Repo.shared, kind: 'static', className: 'Repo' }, {})
    expect(compiled.render(undefined, ['me'])).toBe(compiled.render(Repo, ['me']))
  })

  it('does not take an unknown name for the instance', () => {
    expect(() => methodKey(new Repo('h'), getName, { key: '{self}' }, 'me')).toThrow('Unknown name "self"')
  })

  it.each([undefined, null, 5])('has what the method was called on where that is no instance: %s', (self) => {
    const compiled = compileKey({ fn: getName, kind: 'method' }, {})
    expect(compiled.render(self, ['me'])).toBe(`getName:this:#${self}:user:me:version:v1`)
  })

  it('can be distinguished by {this.…} in a template', () => {
    const options = { key: '{this.host}:name:{user}:{version}' }
    expect(methodKey(new Repo('a'), getName, options, 'me')).toBe('a:name:me:v1')
    expect(methodKey(new Repo('b'), getName, options, 'me')).toBe('b:name:me:v1')
  })

  it('still refuses such an instance as an argument', () => {
    expect(() => keyOf((repo: unknown) => repo, { key: '{repo}' }, new Named('h'))).toThrow('A Named has no key')
  })
})

describe('a key function', () => {
  const fn = async function load(id: string) {
    return id
  }

  it('is used as it is, behind the prefix', () => {
    const compiled = compileKey(subject(fn), { key: (id: string) => `user:${id}`, prefix: 'soft' })
    expect(compiled).toMatchObject({ template: 'soft:load()', derived: false })
    expect(compiled.render(undefined, ['*'])).toBe('soft:user:*')
  })

  it('sees this', () => {
    const self = { host: 'h' }
    const key = function (this: unknown) {
      return (this as typeof self).host
    }
    expect(compileKey({ fn, kind: 'method' }, { key }).render(self, [])).toBe('h')
  })

  it('is hashed when over-long', () => {
    expect(keyOf(fn, { key: () => 'x'.repeat(600) })).toMatch(/^x+:#sha256:[0-9a-f]{32}$/)
    expect(keyOf(fn, { key: '*:{id}' }, 'x'.repeat(600))).toHaveLength(512)
    const ending = (end: string) => keyOf(fn, { key: () => 'x'.repeat(100_000) + end })
    expect(ending('a')).not.toBe(ending('b'))
  })

  it.each([
    ["''", ''],
    ['undefined', undefined],
    ['42', 42],
    ['Promise {}', Promise.resolve('key')],
  ])('has to give a text: not %s', (got, value) => {
    const call = () => keyOf(fn, { key: (() => value) as () => string })
    expect(call).toThrow(KeyTemplateError)
    expect(call).toThrow(`A key must be text, not ${got}, which load() answered.`)
  })

  it('is labelled anonymous when its function has no name', () => {
    const [anonymous] = [async () => 1] as const
    expect(compileKey({ fn: anonymous, kind: 'function' }, { key: () => 'k', prefix: 'p' }).template).toBe(
      'p:anonymous()',
    )
  })
})

describe('names', () => {
  it('come from args before the source', () => {
    expect(
      keyOf((e: string, t: string) => e + t, { key: '{page}:{request}', args: ['request', 'page'] }, 'r', 'p'),
    ).toBe('p:r')
    expect(() => keyOf((e: string, t: string) => e + t, { key: '{e}', args: ['request', 'page'] })).toThrow(
      'Parameters: request, page.',
    )
  })

  it('have to be given if the source does not show them', () => {
    expect(() => keyOf(Math.max, { key: '{amount}' })).toThrow(
      "Parameters: none. In minified or bound code, give args: ['amount'].",
    )
    expect(keyOf(Math.max, { key: '{amount}', args: ['amount'] }, 1)).toBe('#1')
    expect(keyOf(Math.max, { key: '{0}:{4}' }, 1)).toBe('#1:#undefined')
  })
})

describe('a position that the function does not have, and this outside of a method', () => {
  it.each(['{1}', '{1.5}', '{this.id}'])('%s: the error does not ask for a name', (key) => {
    expect(() => keyOf((id: string) => id, { key })).toThrow(/Parameters: id\.$/)
  })
})

describe('args', () => {
  it('name arguments by position, those of a rest parameter too', () => {
    const any = (...args: unknown[]) => args
    expect(keyOf(any, { key: 'user:{id}', args: ['id'] }, 'x', 'y')).toBe('user:x')
    expect(keyOf(any, { key: '{id.name}', args: ['id'] }, { name: 'x' })).toBe('x')
    const sum = (first: number, ...others: number[]) => [first, others]
    expect(keyOf(sum, { key: '{a}:{b}', args: ['a', 'b'] }, 1, 2, 3)).toBe('#1:#2')
  })

  it('are followed, in a derived template, by the arguments that they do not name', () => {
    const sum = (first: number, ...others: number[]) => [first, others]
    expect(keyOf(sum, { args: ['a', 'b'] }, 1, 2)).toBe('sum:a:#1:b:#2')
    expect(keyOf(sum, { args: ['a', 'b'] }, 1, 2, 3, 4)).toBe('sum:a:#1:b:#2:#3:#4')
    expect(keyOf(sum, { args: ['a'] }, 1, 2, 3)).toBe('sum:a:#1:#2:#3')
    const two = (first: number, second: number) => first + second
    expect(keyOf(two, { args: ['a'] }, 1, 2)).toBe('two:a:#1:#2')
  })
})

describe('the keys of repeated calls', () => {
  it.each([
    ['one argument', 'user:{a}', [['x'], [1], ['1'], [Number.NaN], [undefined], [true], [1n], [null], [['x']]]],
    [
      'two arguments',
      '{a}:{b}',
      [
        ['x', 'y'],
        ['y', 'x'],
        [1, '1'],
        ['1', 1],
        [1, undefined],
        [[1], 1],
      ],
    ],
    [
      'the second argument',
      '{b}',
      [
        ['x', 'y'],
        ['y', 'x'],
        ['x', 'y'],
      ],
    ],
    ['no argument', 'all', [[], [1]]],
  ] as const)('with %s are what the first calls gave', (_, key, calls) => {
    const compiled = compileKey(
      subject((a: unknown, b: unknown) => [a, b]),
      { key },
    )
    for (let round = 0; round < 3; round++) {
      for (const args of calls) {
        const fresh = compileKey(
          subject((a: unknown, b: unknown) => [a, b]),
          { key },
        )
        expect(compiled.render(undefined, args)).toBe(fresh.render(undefined, args))
      }
    }
  })

  it('stay correct when many others come in between', () => {
    const one = compileKey(
      subject((a: unknown) => a),
      { key: '{a}' },
    )
    const two = compileKey(
      subject((a: unknown, b: unknown) => [a, b]),
      { key: '{a}:{b}' },
    )
    for (let i = 0; i < 10_000; i++) {
      expect(one.render(undefined, [i % 3000])).toBe(`#${i % 3000}`)
      expect(two.render(undefined, [i % 70, `${i % 61}`])).toBe(`#${i % 70}:${i % 61}`)
    }
  })

  it('are remembered up to a number, unless they are over-long', () => {
    const { recent } = compileKey(
      subject((a: unknown) => a),
      { key: '{a}' },
    )
    for (let i = 0; i < 40_000; i++) recent.add([i], newSpot(`#${i}`))
    let remembered = 0
    for (let i = 0; i < 40_000; i++) if (recent.find([i])) remembered++
    expect(remembered).toBeGreaterThan(1_000)
    expect(remembered).toBeLessThan(20_000)
    recent.add(['long'], newSpot('x'.repeat(512)))
    expect(recent.find(['long'])).toBeUndefined()
  })

  it('change when an argument was modified', () => {
    const compiled = compileKey(
      subject((a: unknown) => a),
      { key: '{a}' },
    )
    const list = ['x']
    expect(compiled.render(undefined, [list])).toBe('(x)')
    list.push('y')
    expect(compiled.render(undefined, [list])).toBe('(x,y)')
  })

  it('share one key for 0 and -0', () => {
    const compiled = compileKey(
      subject((a: number) => a),
      { key: '{a}' },
    )
    expect(compiled.render(undefined, [-0])).toBe(compiled.render(undefined, [0]))
  })
})

describe('a tag', () => {
  const tag = (text: string, ...args: unknown[]): string =>
    compileTemplate(
      'tag',
      subject((page: unknown, user: unknown) => [page, user]),
      text,
    ).render(undefined, args)

  it('is written as people would: numbers, bigints and booleans are plain', () => {
    expect(tag('page:{page}', 1)).toBe('page:1')
    expect(tag('{page}:{user}', 5n, true)).toBe('5:true')
    expect(tag('page:{page}', [1, 2])).toBe('page:(1,2)')
  })

  it('escapes text as keys do', () => {
    expect(tag('user:{user.id}', 1, { id: 'a:*' })).toBe('user:a%3A%2A')
    expect(tag('page:{page}', undefined)).toBe('page:#undefined')
  })

  it('is plain for registered types too, and never hashed', () => {
    class ObjectId {}
    formatter.registerType(ObjectId, () => 'abc')
    expect(tag('page:{page}', new ObjectId())).toBe('page:abc')
    expect(tag('{page}', 'x'.repeat(600))).toHaveLength(600)
  })

  it('is checked when it is defined', () => {
    expect(() => tag('page:{pge}')).toThrow('Unknown name "pge"')
  })
})

describe('a pattern', () => {
  const remove = (page: unknown) => page
  const pattern = (text: string, names: Parameters<typeof compileTemplate>[3], ...args: unknown[]): string =>
    compileTemplate('pattern', subject(remove), text, names).render(undefined, args)

  it('keeps its own wildcards and escapes those of values', () => {
    expect(pattern('items:*:page:{page}', {}, '*')).toBe('items:*:page:%2A')
  })

  it('is the key of the same call if it has no wildcard', () => {
    for (const value of ['a:b', 1, 'x'.repeat(600)]) {
      expect(pattern('items:{page}', {}, value)).toBe(keyOf(remove, { key: 'items:{page}' }, value))
    }
    expect(pattern('items:{page}:*', {}, 'x'.repeat(600))).toHaveLength(608)
  })

  it('takes other names and defaults, which arguments override', () => {
    expect(pattern('{p}:{sort}', { args: ['p'], defaults: { sort: 'asc' } }, 1)).toBe('#1:asc')
    expect(pattern('{page}', { defaults: { page: 1 } }, 2)).toBe('#2')
    expect(pattern('{page}', { defaults: { page: 1 } })).toBe('#1')
    expect(pattern('{page}', { defaults: { page: 1 } }, 3)).toBe('#3')
  })
})

/** The tests of the Python library, by meaning: `test_key.py`. Keyword arguments are an options object here. */
describe('as in Python', () => {
  it('test_cache_func_key_dict: a path reads what the object holds in the call', () => {
    const user = { name: 'test' }
    const func = (user: { name: string }) => user
    expect(keyOf(func, { key: 'test:{user.name}' }, user)).toBe('test:test')
    user.name = 'new'
    expect(keyOf(func, { key: 'test:{user.name}' }, user)).toBe('test:new')
  })

  const token = `e30.${Buffer.from('{"user":"test"}').toString('base64url')}.s`
  const user = { name: 'TeSt', attr: 'ABC', data: ['x', 'y'] }
  const func = (a1: unknown, a2: unknown, ...rest: unknown[]) => [a1, a2, rest]
  it.each([
    ['{a1}', ['a1', 'a2'], 'a1'],
    ['{a1}:{a2}', ['a1'], 'a1:#undefined'],
    ['{a1}-{a2}', ['a1', 'a2'], 'a1-a2'],
    ['{a1}:{rest}', ['a1', 'a2', 'a3', 'a4'], 'a1:(a3,a4)'],
    ['{rest[1]}', ['a1', 'a2', 'a3', 'a4'], 'a4'],
    ['{rest[0].name}', ['a1', 'a2', user], 'TeSt'],
    ['{a1.name:lower}', [user], 'test'],
    ['{a1.attr:lower:upper}', [user], 'ABC'],
    ['{a1.data[0]}', [user], 'x'],
    ['{a1.data:len:raw}', [user], '2'],
    ['{a1:get(name)}', [user], 'TeSt'],
    ['{a1.name:hash(md5)}', [{ name: 'test' }], '098f6bcd4621d373cade4e832627b4f6'],
    ['{a1:jwt(user)}', [token], 'test'],
    ['{@kwarg}:{a1}', ['a1'], 'kwarg:a1'],
    ['{@user.name:lower}', [], 'test'],
    ['{@val:get(k)}', [], 'v'],
    ['{a1}:{@flag:raw}', ['a1'], 'a1:true'],
    ['literal:{{x}}', [], 'literal:{x}'],
  ] as const)('test_cache_key_args_kwargs: %s of %o', (key, args, text) => {
    const context = { kwarg: 'kwarg', user, val: { k: 'v' }, flag: true }
    expect(keyContext(context, () => keyOf(func, { key }, ...args))).toBe(text)
  })

  class Klass {
    method(a: unknown, k = 'kwarg'): unknown {
      return [a, k]
    }
  }
  const func1 = (a: unknown) => a
  const func2 = (a: unknown, k = 'kwarg', ...rest: unknown[]) => [a, k, rest]
  const func3 = (a: unknown, { k }: { k?: unknown } = {}) => [a, k]
  registerKeyContext('kwarg')
  it.each([
    [func1, {}, 'func1:a:{a}'],
    [func2, {}, 'func2:a:{a}:k:{k}:rest:{rest}'],
    [func3, {}, 'func3:a:{a}:k:{k}'],
    [func1, { key: '{a}' }, '{a}'],
    [func2, { key: '{k}:{rest}', prefix: 'p' }, 'p:{k}:{rest}'],
    [func3, { key: '{k}-{a}' }, '{k}-{a}'],
    [func1, { key: 'test:{kwarg}:{a}' }, 'test:{kwarg}:{a}'],
    [Klass.prototype.method, {}, 'method:a:{a}:k:{k}'],
  ] as const)('test_get_key_template: %o with %o is %s', (fn, options, expected) => {
    expect(template(fn as AnyFunction, options)).toBe(expected)
  })

  it('test_get_key_template_error: the message has the wrong name', () => {
    expect(() => template(func1, { key: '{wrong_key}:{a}' })).toThrow(/wrong_key/)
  })
})

describe('an argument that has no key', () => {
  it('is named in the error, which says that it contains itself or is not a valid date', () => {
    const find = async (filter: unknown): Promise<unknown> => filter
    const round: { self?: unknown } = {}
    round.self = round
    const call = (filter: unknown) => () => keyOf(find, { key: 'found:{filter}' }, filter)
    for (const filter of [round, [round]])
      expect(call(filter)).toThrow(
        'A circular or too long value has no key. In {filter} of the template "found:{filter}".',
      )
    expect(call(new Date(Number.NaN))).toThrow('An invalid Date has no key. In {filter} of the template')
  })
})

import { describe, expect, it } from 'vitest'
import { readParameters } from '../../src/key/parameters.ts'
import { OMITTED } from '../../src/key/render.ts'

type AnyFunction = (...args: never[]) => unknown

/** Makes a function from source, so that no compiler rewrites it. */
function made(source: string): AnyFunction {
  return new Function(`return ${source}`)() as AnyFunction
}

/** Lists the names, with the path where it is not the parameter itself. */
function names(source: string): string[] | undefined {
  return readParameters(made(source))?.list.map(({ rest, bindings, complete }) => {
    const texts = bindings.map(({ name, path }) =>
      path.length > 1 ? `${name}=${path.map(({ key }) => key).join('.')}` : name,
    )
    return (rest ? '...' : '') + texts.join(' ') + (complete ? '' : ' …')
  })
}

const defaults = (source: string): unknown[] | undefined => readParameters(made(source))?.list.map((p) => p.fallback)

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are sources of functions
describe('readParameters', () => {
  it.each([
    ['() => 1', []],
    ['(a, b) => a', ['a', 'b']],
    ['a => a', ['a']],
    ['async a => a', ['a']],
    ['async => async', ['async']],
    ['async (a) => a', ['a']],
    ['async(a) => a', ['a']],
    ['function (a, b,) {}', ['a', 'b']],
    ['function name(a) {}', ['a']],
    ['async function name(a) {}', ['a']],
    ['function* name(a) {}', ['a']],
    ['async function* name(a) {}', ['a']],
    ['({ m(a) {} }).m', ['a']],
    ['({ async m(a) {} }).m', ['a']],
    ['({ async *m(a) {} }).m', ['a']],
    ['({ get(a) {} }).get', ['a']],
    ['({ async(a) {} }).async', ['a']],
    ['({ "quoted (x)"(a) {} })["quoted (x)"]', ['a']],
    ['({ ["com" + (1, "puted")](a) {} }).computed', ['a']],
    ['({ 5(a) {} })[5]', ['a']],
    ['Object.getOwnPropertyDescriptor({ get x() { return 1 } }, "x").get', []],
    ['Object.getOwnPropertyDescriptor({ set x(v) {} }, "x").set', ['v']],
    ['(class { static s(a) {} }).s', ['a']],
    ['new (class { #p(a) {}; get p() { return this.#p } })().p', ['a']],
    ['(...rest) => 1', ['...rest']],
    ['(a, ...rest) => 1', ['a', '...rest']],
    ['(größe, $_1, \u5bff) => 1', ['größe', '$_1', '寿']],
    ['/* ( */ function /* x */ f(/* a, */ a /* , b */, // c)\n b) {}', ['a', 'b']],
    ["(a = \"),(\", b = '\\'),', c) => 1", ['a', 'b', 'c']],
    ['(a = `),${[1, `}`].map((x) => x)}),`, b) => 1', ['a', 'b']],
    ['(a = `\\`,`, b = `$,{`, c) => 1', ['a', 'b', 'c']],
    ['(/* km/h, */ a, b) => 1', ['a', 'b']],
    ['(a = n / 2, b, c = n / 2) => 1', ['a', 'b', 'c']],
    ['(a = /[),/]\\/[(]/g, b = 4 / 2 / 1, c) => 1', ['a', 'b', 'c']],
    ['(a = (x, y) => [x, y], b = { c, d }, e = f(g, h)) => 1', ['a', 'b', 'e']],
    ['(a = function (x) { return "}" }, b) => 1', ['a', 'b']],
    ['({ id, name }) => 1', ['id=0.id name=0.name']],
    ['({ id: key, "a-b": c, 5: d, $x }) => 1', ['key=0.id c=0.a-b d=0.5 $x=0.$x']],
    ['(x, { user: { id, roles: [first] } }) => 1', ['x', 'id=1.user.id …']],
    ['({ id, ...others }) => 1', ['id=0.id …']],
    ['({ [key()]: id, b }) => 1', ['b=0.b …']],
    ['([a, b], c) => 1', [' …', 'c']],
    ['({ id = 5, b: { c = 1 } = {} } = {}) => 1', ['id=0.id c=0.b.c']],
    ['(e,t,n)=>e+t', ['e', 't', 'n']],
  ])('reads %s', (source, expected) => {
    expect(names(source)).toEqual(expected)
  })

  it.each([
    ['"v1"', 'v1'],
    ["'it\"s'", 'it"s'],
    ['`plain`', 'plain'],
    ['42', 42],
    ['-1.5', -1.5],
    ['1_000', 1000],
    ['0x10', 16],
    ['.5', 0.5],
    ['true', true],
    ['!0', true],
    ['!1', false],
    ['null', null],
    ['undefined', undefined],
    ['void 0', undefined],
    ['{}', {}],
    ['[]', []],
    ['[1, "a"]', [1, 'a']],
    ['"\\n"', '\n'],
    ["'a' + 'b'", OMITTED],
    ['`${1}`', OMITTED],
    ["'\\x41'", OMITTED],
    ['Date.now()', OMITTED],
    ['{ a: 1 }', OMITTED],
    ['other', OMITTED],
    ['010', OMITTED],
    ['10 / 2', OMITTED],
    ['b == 1', OMITTED],
  ])('knows what the default %s means', (source, expected) => {
    expect(defaults(`(a = ${source}, b) => 1`)).toEqual([expected, undefined])
  })

  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: see above

  it.each([
    ['native', Math.max],
    ['bound', ((a: unknown) => a).bind(null)],
    ['a class', class Service {} as unknown as AnyFunction],
    ['a class with a constructor', made('class { constructor(a) {} }')],
    ['a proxy', new Proxy((a: unknown) => a, {})],
    ['names in a rest parameter', made('(...[a, b]) => 1')],
  ])('gives up on %s', (_, fn) => {
    expect(readParameters(fn)).toBeUndefined()
  })

  it('never runs the function, nor its defaults', () => {
    const fn = made(
      '(a = (() => { throw new Error("ran") })(), { [(() => { throw 1 })()]: b }) => { throw new Error("ran") }',
    )
    expect(readParameters(fn)?.list).toHaveLength(2)
  })

  it('is not fooled by a toString of the function itself', () => {
    const fn = Object.assign((a: unknown) => a, { toString: () => '(b) => b' })
    expect(readParameters(fn)?.list[0]?.bindings[0]?.name).toBe('a')
  })

  it('says whether the function may look at undeclared arguments', () => {
    expect(readParameters(made('function (a) { return arguments[1] }'))?.seesMore).toBe(true)
    expect(readParameters(made('function (a) { return a }'))?.seesMore).toBe(false)
  })
})

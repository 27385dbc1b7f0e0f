import {
  addPrefix,
  CashewsError,
  type Command,
  completeBackend,
  createCache,
  formatter,
  invalidateFurther,
  keyContext,
  keysLower,
  kindOfOption,
  memoryLimit,
  onTerms,
  parseTtl,
  registerKeyContext,
} from '@cashews/core'
import { describe, expect, it } from 'vitest'

const fn = () => 1
const nameless: object = Object.create(null)
const list: unknown[] = []
list.push(list)

describe('a value in a message', () => {
  it.each<[string, unknown]>([
    ["'5'", '5'],
    ['5', 5],
    ['5n', 5n],
    ['Symbol(s)', Symbol('s')],
    ['undefined', undefined],
    ['a function', fn],
    ["['a',1]", ['a', 1]],
    ['[Array {0}]', list],
    ['Object {name,secret}', { name: 'n', secret: 's' }],
    ['Object {}', nameless],
    ['Map {}', new Map()],
    ['Date {}', new Date(Number.NaN)],
    ['Generator {}', (function* () {})()],
    ['an object', revoked()],
    [`'${'x'.repeat(99)}'`, 'x'.repeat(1_000_000)],
  ])('is shown as %s', (shown, value) => {
    expect(kindOfOption(value)).toBe(shown)
  })
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('bad input', () => {
  it.each<[string, () => unknown]>([
    ['keyContext takes an object, such as { tenant }, not null.', () => keyContext(null as never, fn)],
    ["keyContext takes an object, such as { tenant }, not 'acme'.", () => keyContext('acme' as never, fn)],
    ['fn must be a function, not undefined.', () => keyContext({ tenant: 1 }, undefined as never)],
    ['The name of a key context must be text, not 5.', () => registerKeyContext('tenant5', 5 as never)],
    ['addPrefix takes text, not undefined.', () => addPrefix(undefined as never)],
    ["min must be a number from 0 on, not '5'.", () => memoryLimit({ min: '5' as never })],
    ['max must be a number from 5 on, not 1.', () => memoryLimit({ min: 5, max: 1 })],
    ['max must be a number from 0 on, not Symbol(s).', () => memoryLimit({ max: Symbol('s') as never })],
    ['memoryLimit takes the options { min, max }, not null.', () => memoryLimit(null as never)],
    [
      'The name of a formatter must be a word other than raw, not Symbol(s).',
      () => formatter.register(Symbol('s') as never, fn),
    ],
    ["The name of a formatter must be a word other than raw, not 'raw'.", () => formatter.register('raw', fn)],
    ['The formatter "half" must be a function, not null.', () => formatter.register('half', null as never)],
    [
      'The first argument of registerType must be a class, not undefined.',
      () => formatter.registerType(undefined as never, fn),
    ],
    [
      'The first argument of registerType must be a class, not a function.',
      () => formatter.registerType(fn as never, fn),
    ],
    ['The renderer of Date must be a function, not undefined.', () => formatter.registerType(Date, undefined as never)],
    ['createCache takes the options { name, drivers, onError }, not null.', () => createCache(null as never)],
    [
      'createCache takes the options { name, drivers, onError }, not Promise {}.',
      () => createCache(Promise.resolve({}) as never),
    ],
    [
      'createCache takes the options { name, drivers, onError }, not size.',
      () => createCache(Object.create({ size: 1 })),
    ],
    ['keysLower takes no arguments', () => (keysLower as (...call: unknown[]) => unknown)({ command: 'get' })],
    ['completeBackend takes a store', () => completeBackend(class {} as never)],
    ['name must be text, not 5.', () => createCache({ name: 5 as never })],
    ['setup takes an object of options, not [].', () => createCache().setup('mem://', [] as never)],
    ["its hours are '3', not a number", () => parseTtl({ hours: '3' as never })],
    ['its hours are null, not a number', () => parseTtl({ hours: null as never, minutes: 5 })],
    ['"hour" is not part of a fixed length', () => parseTtl({ hour: 1 } as never)],
    ['"months" is not part of a fixed length', () => parseTtl({ months: 1 } as never)],
  ])('is refused at once: %s', (message, call) => {
    expect(call).toThrow(CashewsError)
    expect(call).toThrow(message)
  })

  it.each<[string, () => Promise<unknown>]>([
    ['onTerms takes the options { maxAge, minFresh, onlyStored }, not null.', () => onTerms(null as never, fn)],
    [
      'onTerms takes the options { maxAge, minFresh, onlyStored }, not maxage.',
      () => onTerms({ maxage: 1 } as never, fn),
    ],
    ["maxAge must be a number from 0 on, not '5'.", () => onTerms({ maxAge: '5' as never }, fn)],
    ['minFresh must be a number from 0 on, not -1.', () => onTerms({ minFresh: -1 }, fn)],
    ['onlyStored must be true or false, not 1.', () => onTerms({ onlyStored: 1 as never }, fn)],
    ['fn must be a function, not undefined.', () => onTerms({ maxAge: 1 }, undefined as never)],
    ["fn must be a function, not 'fn'.", () => invalidateFurther('fn' as never)],
    [
      'Entries must be an object, a Map or pairs, not Promise {}.',
      () => createCache().setMany(Promise.resolve({ a: 1 }) as never),
    ],
    [
      'The options are { ttl, tags, exists }, not Promise {}.',
      () => createCache().set('a', 1, Promise.resolve() as never),
    ],
    ['A member must be text, not Object {}.', () => createCache().setAdd('key', [nameless as never])],
    ['The commands are', () => createCache().disabling([nameless as Command & object], fn)],
  ])('is a rejection: %s', async (message, call) => {
    const failed = call()
    await expect(failed).rejects.toThrow(CashewsError)
    await expect(failed).rejects.toThrow(message)
  })
})

import { registerType, type SerializerOptions } from '@cashews/serialization'

const SECRET = 'the golden secret, known to all!'

/** A payload of an earlier day, and what it must still be read as. */
export interface Golden {
  readonly options: SerializerOptions
  readonly key: string
  readonly value: unknown
  /** Written differently each time, or by what Node's compression happens to do: only read. */
  readonly varies?: boolean
}

/** A class whose instances stored payloads hold. */
class Celsius {
  readonly degrees: number

  constructor(degrees: number) {
    this.degrees = degrees
  }
}
registerType(Celsius, {
  id: 'golden/celsius',
  encode: ({ degrees }) => ({ degrees }),
  decode: ({ degrees }) => new Celsius(degrees),
})

const shared = { name: 'shared' }
const cycle: unknown[] = ['cycle']
cycle.push(cycle)

const golden = (value: unknown, options: SerializerOptions = {}, varies = false): Golden => ({
  options,
  key: 'golden:key',
  value,
  varies,
})

const everything = {
  undefined: undefined,
  null: null,
  yes: true,
  no: false,
  text: 'é 日本語',
  surrogate: 'a\ud800',
  numbers: [1, -1, 200, -200, 70_000, 2 ** 40, 1.5, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  bigints: [1n, -1n, 2n ** 70n, -(2n ** 70n)],
  date: new Date(1_700_000_000_123),
  map: new Map<unknown, unknown>([
    ['a', 1],
    [2, 'b'],
  ]),
  set: new Set([1, 'x']),
  url: new URL('https://example.org/a?b=c'),
  search: new URLSearchParams('a=1&a=2'),
  buffer: Buffer.from('bytes'),
  views: [new Uint8Array([1, 2]), new Float64Array([Math.PI]), new Uint8Array([3]).buffer],
  rows: [
    { id: 1, name: 'a' },
    { id: 2, name: 'b' },
    { id: 3, name: 'c' },
  ],
  bare: Object.assign(Object.create(null), { a: 1 }),
  keys: JSON.parse('{"__proto__":1,"$":2}'),
  holes: Object.assign(new Array(3), { 1: 'one' }),
}

/** What `golden/v1.json` has payloads for. To add one, run its test and copy what it says is written today. */
export const GOLDEN: Readonly<Record<string, Golden>> = {
  'everything in msgpack': golden(everything),
  'everything in json': golden(everything, { codec: 'json' }),
  'a text': golden('text'),
  undefined: golden(undefined),
  'an error': golden(Object.assign(new TypeError('wrong', { cause: new Error('why') }), { code: 'E_WRONG' })),
  'shared parts': golden({ one: shared, other: shared }),
  'a cycle': golden(cycle),
  signed: golden({ id: 1 }, { secret: SECRET }),
  'signed by SHA-512': golden({ id: 1 }, { secret: SECRET, signature: 'sha512' }),
  encrypted: golden({ id: 1 }, { secret: SECRET, encryption: true }, true),
  'compressed by gzip': golden('again '.repeat(300), { compression: 'gzip' }, true),
  'compressed by brotli': golden('again '.repeat(300), { compression: 'brotli' }, true),
  'compressed by zstd': golden('again '.repeat(300), { compression: 'zstd' }, true),
  'compressed and signed': golden('again '.repeat(300), { compression: 'brotli', secret: SECRET }, true),
  'a custom type': golden([new Celsius(36.6)]),
}

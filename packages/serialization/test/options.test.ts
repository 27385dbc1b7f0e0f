import * as v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ConfigurationError, optionsFromUrl } from '@cashews/core'
import {
  createSerializer,
  type SerializerOptions,
  type StandardSchema,
  serializationUrlOptions,
  serializerOptionsFromUrl,
} from '@cashews/serialization'
import { describe, expect, it } from 'vitest'
import { asBytes, missOf, roundTrip } from './support.ts'

const SECRET = 'a secret that nobody else knows!'
const host = { error() {} }
const cyclic: { self?: unknown } = {}
cyclic.self = cyclic

describe('a codec of your own', () => {
  const codec = {
    encode: (value: unknown) => v8.serialize(value),
    decode: (bytes: Uint8Array) => v8.deserialize(bytes),
  }

  it('keeps what it can keep, signed and compressed as usual', async () => {
    const value = { pattern: /x/g, list: [1, undefined] }
    for (const more of [{}, { secret: SECRET }, { compression: { algorithm: 'gzip', threshold: 0 } }] as const)
      expect(await roundTrip(value, { codec, ...more })).toEqual(value)
  })

  it('may answer later, and text', async () => {
    const later = {
      encode: async (value: unknown) => JSON.stringify(value),
      decode: async (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
    }
    expect(await roundTrip({ a: 'é' }, { codec: later })).toEqual({ a: 'é' })
  })

  it('may answer with promises of another realm, as what is imported into a test runner does', async () => {
    const elsewhere: (make: () => unknown) => Promise<never> = runInNewContext('async (make) => make()')
    const foreign = {
      encode: (value: unknown) => elsewhere(() => JSON.stringify(value)),
      decode: (bytes: Uint8Array) => elsewhere(() => JSON.parse(Buffer.from(bytes).toString())),
    }
    expect(await roundTrip({ a: 'é' }, { codec: foreign })).toEqual({ a: 'é' })
    const reason = 'corrupt'
    expect(await missOf(createSerializer({ codec: foreign }), Buffer.from([0xc5, 0x12, 1]))).toMatchObject({ reason })
  })

  it('fails the write or misses the read with its own reason', async () => {
    await expect(roundTrip(() => {}, { codec })).rejects.toMatchObject({ code: 'CASHEWS_VALUE' })
    expect(await missOf(createSerializer({ codec }), Buffer.from([0xc5, 0x12, 1, 2]))).toMatchObject({
      reason: 'corrupt',
    })
  })

  it.each([undefined, 5, { a: 1 }])('fails the write when it answers %j', async (answer) => {
    const broken = { encode: () => answer as unknown as string, decode: codec.decode }
    await expect(roundTrip('a', { codec: broken })).rejects.toMatchObject({
      code: 'CASHEWS_VALUE',
      message: expect.stringContaining('neither bytes nor text'),
    })
  })

  it('reads what was written before in one of ours, and the other way round does not', async () => {
    const value = { a: 1 }
    const [msgpack, json, own] = [createSerializer(), createSerializer({ codec: 'json' }), createSerializer({ codec })]
    for (const writer of [msgpack, json])
      for (const reader of [msgpack, json, own])
        expect(await reader.decode('key', asBytes(await writer.encode('key', value)), host)).toEqual(value)
    await missOf(msgpack, asBytes(await own.encode('key', value)))
  })
})

describe('compression', () => {
  const value = { text: 'the same again and again '.repeat(200) }

  it.each(['gzip', 'brotli', 'zstd'] as const)('by %s makes values smaller that are worth it', async (algorithm) => {
    const plain = asBytes(await createSerializer().encode('key', value))
    const small = asBytes(await createSerializer({ compression: algorithm }).encode('key', value))
    expect(small.length).toBeLessThan(plain.length / 10)
    expect(await roundTrip(value, { compression: algorithm })).toEqual(value)
    expect(await createSerializer().decode('key', small, host)).toEqual(value)
    const large = Array.from({ length: 20_000 }, (_, at) => ({ at, text: `text ${at % 100}` }))
    expect(await roundTrip(large, { compression: algorithm })).toEqual(large)
  })

  it('leaves alone what is small, and what does not get smaller', async () => {
    const serializer = createSerializer({ compression: 'gzip' })
    const plain = createSerializer()
    const noise = Buffer.from(Array.from({ length: 2_000 }, (_, at) => (at * at * 2_654_435_761) >>> 24))
    for (const kept of ['x'.repeat(1_000), noise])
      expect(await serializer.encode('key', kept)).toEqual(await plain.encode('key', kept))
  })

  it('goes by the threshold and the level', async () => {
    const short = 'a'.repeat(100)
    const size = async (compression: SerializerOptions['compression'], what: unknown) =>
      asBytes(await createSerializer({ compression: compression ?? false }).encode('key', what)).length
    expect(await size({ algorithm: 'brotli', threshold: 50 }, short)).toBeLessThan(50)
    const words = Array.from({ length: 3_000 }, (_, at) => `word${(at * 7_919) % 1_000}`).join(' ')
    const [fast, best] = [
      await size({ algorithm: 'gzip', level: 1 }, words),
      await size({ algorithm: 'gzip', level: 9 }, words),
    ]
    expect(best).toBeLessThan(fast)
  })
})

describe('limits', () => {
  it('refuse at write what is too large, before compression and after', async () => {
    const value = 'x'.repeat(10_000)
    await expect(roundTrip(value, { limits: { encoded: 5_000 } })).rejects.toMatchObject({ code: 'CASHEWS_VALUE' })
    await expect(roundTrip(value, { limits: { decoded: 5_000 } })).rejects.toThrow(/limits\.decoded is 5000/)
    expect(await roundTrip(value, { limits: { encoded: 5_000 }, compression: 'gzip' })).toBe(value)
  })

  it('make a miss of what is too large when it is read', async () => {
    const bytes = asBytes(await createSerializer().encode('key', 'x'.repeat(10_000)))
    expect(await missOf(createSerializer({ limits: { encoded: 5_000 } }), bytes)).toMatchObject({ reason: 'limit' })
    const words = Array.from({ length: 2_000 }, (_, at) => `word${(at * 7_919) % 1_000}`)
    const small = asBytes(await createSerializer({ compression: 'gzip' }).encode('key', words))
    for (const limits of [{ decoded: 5_000 }, { ratio: 1 }])
      expect(await missOf(createSerializer({ limits }), small)).toMatchObject({ reason: 'limit' })
  })

  it('let through what is just as large as they say', async () => {
    const value = 'x'.repeat(1_000)
    const { length } = asBytes(await createSerializer().encode('key', value))
    expect(await roundTrip(value, { limits: { encoded: length, decoded: length } })).toBe(value)
    for (const limits of [{ encoded: length - 1 }, { decoded: length - 1 }])
      await expect(roundTrip(value, { limits })).rejects.toMatchObject({ code: 'CASHEWS_VALUE' })
  })
})

describe('a schema', () => {
  /** Fits objects with a text `name`, and gives them a `role`. */
  const user: StandardSchema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        const { name } = Object(value) as { name?: unknown }
        if (typeof name === 'string') return { value: { role: 'guest', ...(value as object) } }
        return { issues: [{ message: 'expected a text', path: ['name'] }] }
      },
    },
  }
  const later: StandardSchema = {
    '~standard': { ...user['~standard'], validate: async (value) => user['~standard'].validate(value) },
  }

  it.each([
    ['now', user],
    ['later', later],
  ])('that answers %s lets through what fits, as it makes it, and makes a miss of the rest', async (_, schema) => {
    const writer = createSerializer()
    const reader = createSerializer({ schema })
    const old = asBytes(await writer.encode('user:1', { name: 'Ada' }))
    expect(await reader.decode('user:1', old, host)).toEqual({ name: 'Ada', role: 'guest' })
    const changed = asBytes(await writer.encode('user:1', { fullName: 'Ada' }))
    expect(await missOf(reader, changed, 'user:1')).toMatchObject({
      reason: 'schema',
      message: 'The value of "user:1" no longer fits its schema: expected a text (at name).',
    })
    expect(await missOf(createSerializer({ schema, strict: true }), changed)).toMatchObject({ reason: 'schema' })
    expect(await missOf(reader, Buffer.from('42'))).toMatchObject({ reason: 'schema' })
  })

  it.each([
    [{ message: 'too short', path: ['users', { key: 0 }, { key: 'name' }] }, 'too short (at users.0.name)'],
    [{ message: 'no list' }, 'no list'],
    [undefined, 'it does not fit'],
  ])('that answers the issue %j says where it is', async (issue, text) => {
    const validate = () => ({ issues: issue ? [issue] : [] })
    const reader = createSerializer({ schema: { '~standard': { version: 1, vendor: 'test', validate } } })
    const { message } = await missOf(reader, Buffer.from('42'))
    expect(message).toBe(`The value of "key" no longer fits its schema: ${text}.`)
  })

  it('that throws makes a miss', async () => {
    const broken: StandardSchema = {
      '~standard': {
        ...user['~standard'],
        validate: () => {
          throw new Error('broken schema')
        },
      },
    }
    const bytes = asBytes(await createSerializer().encode('key', 'x'))
    expect((await missOf(createSerializer({ schema: broken }), bytes)).message).toContain('broken schema')
  })
})

describe('options', () => {
  it.each([
    [null, /A serializer takes the options .*, not null\.$/],
    [5, /A serializer takes the options .*, not 5\.$/],
    [[], /A serializer takes the options .*, not \[\]\.$/],
    [1n, /A serializer takes the options .*, not 1n\.$/],
    [{ codec: { encode() {} } }, /codec is .* an object with encode and decode, not Object {encode}\.$/],
    [{ codec: { decode() {} } }, /codec is .* an object with encode and decode, not Object {decode}\.$/],
    [{ codec: 'pickle' }, /codec is 'msgpack', 'json' or .*, not 'pickle'\.$/],
    [{ codec: 1n }, /codec is .*, not 1n\.$/],
    [{ codec: cyclic }, /codec is .*, not Object {self}\.$/],
    [{ secrets: SECRET }, /"secrets" must be a list/],
    [{ limits: 5 }, /limits takes the options .*, not 5\.$/],
    [{ limits: 1n }, /limits takes the options .*, not 1n\.$/],
    [{ limits: { encoded: 0 } }, /encoded must be a number from 1 on, not 0\.$/],
    [{ limits: { depth: '5' } }, /depth must be a number from 1 on, not '5'\.$/],
    [{ limits: { bytes: 1 } }, /limits takes the options .*encoded, decoded, ratio, depth.* not bytes/],
    [{ compression: null }, /compression is false, gzip, brotli, zstd or .*, not null\.$/],
    [{ compression: 'lzma' }, /compression is false, gzip.*, not 'lzma'\.$/],
    [{ compression: true }, /compression is false, gzip.*, not true\.$/],
    [{ compression: 1n }, /compression is false, gzip.*, not 1n\.$/],
    [{ compression: { algorithm: cyclic } }, /compression is false, gzip.*, not Object {self}\.$/],
    [{ compression: { algorithm: 'gzip', treshold: 1 } }, /compression takes the options .*threshold.* not treshold/],
    [{ compression: { algorithm: 'gzip', level: 10 } }, /level of gzip must be a whole number from 1 to 9, not 10\.$/],
    [{ compression: { algorithm: 'gzip', level: 0 } }, /level of gzip must be a whole number from 1 to 9, not 0\.$/],
    [{ compression: { algorithm: 'gzip', level: 1.5 } }, /level of gzip must be a whole number .*, not 1\.5\.$/],
    [{ compression: { algorithm: 'gzip', threshold: 1.5 } }, /threshold of compression must be .*, not 1\.5\.$/],
    [
      { compression: { algorithm: 'gzip', level: null } },
      /level of gzip must be a whole number from 1 to 9, not null\.$/,
    ],
    [
      { compression: { algorithm: 'gzip', threshold: -1 } },
      /threshold of compression must be a number of bytes, not -1\.$/,
    ],
    [{ secret: 'short' }, /at least 16 bytes/],
    [{ secret: undefined }, /"secret" is undefined/],
    [{ secrets: [SECRET, undefined] }, /at least 16 bytes/],
    [{ secrets: [] }, /"secrets" is empty/],
    [{ secret: SECRET, secrets: [SECRET] }, /exclude each other/],
    [{ encryption: true }, /"encryption" needs a secret/],
    [{ maxAge: '1h' }, /"maxAge" needs a secret/],
    [{ signature: 'sha512' }, /"signature" needs a secret/],
    [{ secret: SECRET, encryption: true, signature: 'sha512' }, /"signature" has no effect with "encryption"/],
    [{ strict: 'yes' }, /strict must be true or false, not 'yes'\.$/],
    [{ errorStacks: 1n }, /errorStacks must be true or false, not 1n\.$/],
    [{ secret: SECRET, encryption: 1 }, /encryption must be true or false, not 1\.$/],
    [{ secret: SECRET, signature: 'md5' }, /no signature 'md5'. The signatures are sha256, sha512\.$/],
    [{ schema: {} }, /Standard Schema/],
    [{ pickle_type: 'json' }, /A serializer takes the options .*codec.* not pickle_type/],
  ])('%o are an error that says why', (options, message) => {
    const make = () => createSerializer(options as SerializerOptions)
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(message)
  })

  const fromUrl = (query: string): SerializerOptions =>
    serializerOptionsFromUrl(optionsFromUrl(`redis://localhost?${query}`, serializationUrlOptions))

  it('are read from a URL', () => {
    expect(fromUrl('')).toEqual({})
    expect(fromUrl('codec=json&strict=1&encryption=yes&error_stacks=0')).toEqual({
      codec: 'json',
      strict: true,
      encryption: true,
      errorStacks: false,
    })
    expect(fromUrl(`secret=${encodeURIComponent(SECRET)}&signature=sha512`)).toEqual({
      secret: SECRET,
      signature: 'sha512',
    })
    expect(fromUrl('secrets=one-secret-of-many,another-secret-here')).toEqual({
      secrets: ['one-secret-of-many', 'another-secret-here'],
    })
    expect(fromUrl('compression=zstd&compression_threshold=2kb&compression_level=5')).toEqual({
      compression: { algorithm: 'zstd', threshold: 2_048, level: 5 },
    })
    expect(fromUrl('compression=off')).toEqual({ compression: false })
    for (const query of ['compression_level=5', 'compression_threshold=5'])
      expect(() => fromUrl(query)).toThrow(/needs compression=gzip/)
    expect(fromUrl('max_age=90s')).toEqual({ maxAge: { milliseconds: 90_000 } })
  })

  it('of the backend beside them are left to it', () => {
    expect(serializerOptionsFromUrl({ codec: 'json', clientSide: true, size: 3 })).toEqual({ codec: 'json' })
  })

  it('from a URL make a serializer', async () => {
    const options = fromUrl(`secret=${SECRET.replaceAll(' ', '+')}&compression=gzip&max_age=1d&encryption=1`)
    expect(await roundTrip({ a: 1 }, options)).toEqual({ a: 1 })
  })
})

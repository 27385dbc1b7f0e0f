import { MISS } from '@cashews/core'
import { createSerializer, type SerializerOptions } from '@cashews/serialization'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { asBytes, missOf, roundTrip } from './support.ts'

const SECRET = 'a secret that nobody else knows!'
const OLD = 'the secret that was there before'
const VALUE = { id: 'u1', roles: ['admin'], since: new Date(0) }

const SEALS: readonly [string, SerializerOptions][] = [
  ['signed', { secret: SECRET }],
  ['signed by SHA-512', { secret: SECRET, signature: 'sha512' }],
  ['encrypted', { secret: SECRET, encryption: true }],
  ['signed and compressed', { secret: SECRET, compression: { algorithm: 'brotli', threshold: 0 } }],
]

describe.each(SEALS)('a value that is %s', (kind, options) => {
  const serializer = createSerializer(options)
  const seal = async (value: unknown = VALUE, key = 'key'): Promise<Buffer> =>
    asBytes(await serializer.encode(key, value))

  it('comes back as it was', async () => {
    expect(await roundTrip(VALUE, options)).toEqual(VALUE)
    expect(await roundTrip(new Uint8Array(100_000), options)).toEqual(new Uint8Array(100_000))
  })

  it('is a miss when any bit was changed', async () => {
    let [changes, accepted] = [0, 0]
    for (let id = 0; id < 25; id++) {
      const bytes = await seal({ id, text: 'x'.repeat(id) }, `user:${id}`)
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = Buffer.from(bytes)
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
        changes++
        if ((await serializer.decode(`user:${id}`, changed, { error() {} })) !== MISS) accepted++
      }
    }
    console.info(`J5: ${kind}: ${changes} changed bits, ${accepted} accepted`)
    expect(accepted).toBe(0)
  })

  it('is a miss when it was cut off or added to, anywhere', async () => {
    const bytes = await seal()
    for (let length = 0; length < bytes.length; length++) await missOf(serializer, bytes.subarray(0, length))
    expect(await missOf(serializer, Buffer.concat([bytes, Buffer.of(0)]))).toMatchObject({ reason: 'forged' })
  })

  it('is a miss under another key, also one that continues its own', async () => {
    const bytes = await seal(VALUE, 'user:1')
    for (const key of ['user:2', 'user:', 'user:11', 'other:user:1', ''])
      expect(await missOf(serializer, bytes, key)).toMatchObject({
        reason: 'forged',
        message: `The value of "${key}" was changed, or written for another key.`,
      })
  })

  it('is a miss for whoever has another secret, or none', async () => {
    const bytes = await seal()
    const other = createSerializer({ ...options, secret: OLD })
    expect(await missOf(other, bytes)).toMatchObject({
      reason: 'forged',
      code: 'CASHEWS_DECODE',
      message: expect.stringContaining('with a secret that is not, or no longer, in use'),
    })
    expect(await missOf(createSerializer(), bytes)).toMatchObject({ reason: 'unsealed' })
  })

  it('cannot be replaced by one that is not sealed (J6)', async () => {
    const plain = asBytes(await createSerializer().encode('key', VALUE))
    const not = options.encryption ? 'not encrypted' : 'not signed'
    expect(await missOf(serializer, plain)).toMatchObject({ reason: 'unsealed', message: expect.stringContaining(not) })
    for (const sum of ['sum:50d_"test"', 'md5:fda2d9e3c2a686b8e8f335533d3152c6_"test"', '_"test"'])
      expect((await missOf(serializer, Buffer.from(sum))).code).toBe('CASHEWS_DECODE')
  })

  it('cannot be sealed in another way, whatever it says about itself (J6)', async () => {
    for (const [, others] of SEALS) {
      const bytes = asBytes(await createSerializer(others).encode('key', VALUE))
      const isSame =
        (others.signature ?? 'sha256') === (options.signature ?? 'sha256') && others.encryption === options.encryption
      if (isSame) expect(await serializer.decode('key', bytes, { error() {} })).toEqual(VALUE)
      else expect(await missOf(serializer, bytes)).toMatchObject({ reason: 'forged' })
    }
    const bytes = await seal()
    for (let id = 0; id < 256; id++) {
      const at = (bytes[1] as number) & 0b0100 ? 3 : 2
      if (id === bytes[at]) continue
      const changed = Buffer.from(bytes)
      changed[at] = id
      await missOf(serializer, changed)
    }
  })

  it('is read with an old secret while it is in use, and written with the new one', async () => {
    const before = asBytes(await createSerializer({ ...options, secret: OLD }).encode('key', VALUE))
    const { secret: _secret, ...rest } = options
    const rotated = createSerializer({ ...rest, secrets: [SECRET, OLD] })
    expect(await rotated.decode('key', before, { error() {} })).toEqual(VALUE)
    const after = asBytes(await rotated.encode('key', VALUE))
    expect(await serializer.decode('key', after, { error() {} })).toEqual(VALUE)
    expect(await missOf(serializer, before)).toMatchObject({ reason: 'forged' })
  })

  it('leaves counters plain, so that they count', async () => {
    expect(serializer.encode('hits', 41)).toBe('41')
    expect(await serializer.decode('hits', Buffer.from('-42'), { error() {} })).toBe(-42)
  })

  it('raises what is wrong when strict', async () => {
    const strict = createSerializer({ ...options, strict: true })
    const bytes = await seal(VALUE, 'other')
    await expect(async () => strict.decode('key', bytes, { error() {} })).rejects.toMatchObject({
      code: 'CASHEWS_DECODE',
      reason: 'forged',
      message: expect.stringContaining('"key"'),
    })
  })
})

describe('encryption', () => {
  it('hides the value and never says the same twice', async () => {
    const serializer = createSerializer({ secret: SECRET, encryption: true })
    const value = 'text that must not be seen'
    const [one, other] = [await serializer.encode('key', value), await serializer.encode('key', value)] as [
      Buffer,
      Buffer,
    ]
    expect(one.includes('must not be seen')).toBe(false)
    expect(one.equals(other)).toBe(false)
  })
})

describe('maxAge', () => {
  afterEach(() => vi.useRealTimers())

  it('makes a miss of what was sealed longer ago', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const serializer = createSerializer({ secret: SECRET, maxAge: '1h' })
    const bytes = asBytes(await serializer.encode('key', VALUE))
    vi.setSystemTime(Date.now() + 3_600_000)
    expect(await serializer.decode('key', bytes, { error() {} })).toEqual(VALUE)
    vi.setSystemTime(Date.now() + 1)
    expect(await missOf(serializer, bytes)).toMatchObject({ reason: 'expired' })
  })
})

describe('secrets', () => {
  it('may be bytes, and the same text and bytes are the same secret', async () => {
    const bytes = asBytes(await createSerializer({ secret: SECRET }).encode('key', VALUE))
    expect(await createSerializer({ secret: Buffer.from(SECRET) }).decode('key', bytes, { error() {} })).toEqual(VALUE)
  })

  it('are nowhere in what a serializer shows, nor in its errors', async () => {
    const { inspect } = await import('node:util')
    const serializer = createSerializer({ secret: SECRET })
    expect(inspect(serializer, { depth: 10, showHidden: true })).not.toContain('secret that')
    const error = await missOf(serializer, Buffer.from('not ours'))
    expect(inspect(error)).not.toContain('secret that')
    expect(() => createSerializer({ secret: 'hunter2' })).toThrow(/at least 16 bytes/)
    expect(() => createSerializer({ secret: 'x'.repeat(15) })).toThrow(/at least 16 bytes/)
    expect(() => createSerializer({ secret: 'x'.repeat(16) })).not.toThrow()
    expect(() => createSerializer({ secret: 'hunter2' })).not.toThrow(/hunter2/)
  })
})

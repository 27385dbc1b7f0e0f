import { createSerializer, type StoreTraits } from '@cashews/serialization'
import { describe, expect, it } from 'vitest'
import { missOf } from './support.ts'

const host = {
  error(error: unknown): never {
    throw error
  },
}
const LARGE = Buffer.alloc(1024 ** 2, 'large')

async function read(traits: StoreTraits): Promise<{ readonly stored: Buffer; readonly found: Buffer }> {
  const serializer = createSerializer({ strict: true }, traits)
  const stored = (await serializer.encode('key', LARGE)) as Buffer
  return { stored, found: (await serializer.decode('key', stored, host)) as Buffer }
}

describe('many bytes and nothing else', () => {
  it('are MessagePack, and take the memory that they need', async () => {
    const { stored, found } = await read({})
    expect(stored.subarray(0, 7)).toEqual(Buffer.of(0xc5, 0x10, 0xc6, 0, 0x10, 0, 0))
    expect(stored.subarray(7).equals(LARGE)).toBe(true)
    expect(stored.buffer.byteLength).toBe(stored.length)
    expect(found.equals(LARGE)).toBe(true)
  })

  it('are copied when they are read', async () => {
    const { stored, found } = await read({})
    stored.fill(0)
    expect(found.equals(LARGE)).toBe(true)
  })

  it('are a part of what a store gives away', async () => {
    const { stored, found } = await read({ givesBytes: true })
    expect(found.buffer).toBe(stored.buffer)
    expect(found.equals(LARGE)).toBe(true)
  })

  it.each([-1, 1])('are a miss when their length is wrong by %d', async (by) => {
    const { stored } = await read({})
    stored.writeUInt32BE(LARGE.length + by, 3)
    expect(await missOf(createSerializer(), stored)).toMatchObject({ reason: 'corrupt' })
  })

  it.each([
    ['compressed', { compression: 'gzip' }],
    ['signed', { secret: 'a secret of more than 16 bytes' }],
    ['encrypted', { secret: 'a secret of more than 16 bytes', encryption: true }],
  ] as const)('are read when they are %s', async (_, options) => {
    const serializer = createSerializer({ strict: true, ...options }, { givesBytes: true })
    const stored = await serializer.encode('key', LARGE)
    expect(LARGE.equals((await serializer.decode('key', stored, host)) as Buffer)).toBe(true)
  })
})

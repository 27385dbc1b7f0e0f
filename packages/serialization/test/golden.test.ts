import { readFileSync } from 'node:fs'
import { inspect, isDeepStrictEqual } from 'node:util'
import { createSerializer } from '@cashews/serialization'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GOLDEN } from './golden.ts'
import { asBytes } from './support.ts'

/** Version 1 of the envelope, as it was written when it was new. Never change a line: add lines. */
const payloads = JSON.parse(readFileSync(new URL('golden/v1.json', import.meta.url), 'utf8')) as Record<string, string>

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01T00:00:00Z') })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a payload of version 1', () => {
  it.each(Object.entries(GOLDEN))('that holds %s is still read', async (name, { options, key, value }) => {
    const serializer = createSerializer({ ...options, strict: true })
    const written = asBytes(await serializer.encode(key, value)).toString('base64')
    const bytes = payloads[name]
    if (bytes === undefined) throw new Error(`There is no payload. Today it is ${JSON.stringify({ [name]: written })}`)
    const found = await serializer.decode(key, Buffer.from(bytes, 'base64'), { error() {} })
    expect(isDeepStrictEqual(found, value), inspect(found)).toBe(true)
  })

  it.each(Object.entries(GOLDEN).filter(([, { varies }]) => !varies))(
    'that holds %s is still what is written',
    async (name, { options, key, value }) => {
      const written = asBytes(await createSerializer(options).encode(key, value)).toString('base64')
      expect(written).toBe(payloads[name])
    },
  )

  it('is there for every kind of value', () => {
    expect(Object.keys(payloads).sort()).toEqual(Object.keys(GOLDEN).sort())
  })
})

import * as zlib from 'node:zlib'
import { MISS } from '@cashews/core'
import { createSerializer } from '@cashews/serialization'
import { describe, expect, it } from 'vitest'
import { asBytes, missOf } from './support.ts'

const serializer = createSerializer()
const host = { error() {} }

/** An envelope of version 1 around a payload that anybody may have written. */
const msgpack = (...payload: (number | Buffer)[]): Buffer =>
  Buffer.concat([Buffer.of(0xc5, 0x10), ...payload.map((part) => (typeof part === 'number' ? Buffer.of(part) : part))])
const json = (text: string): Buffer => Buffer.concat([Buffer.of(0xc5, 0x11), Buffer.from(text)])
const compressed = (algorithm: number, bytes: Buffer, size: number): Buffer => {
  const head = Buffer.of(0xc5, 0x14, algorithm, 0, 0, 0, 0)
  head.writeUInt32BE(size, 3)
  return Buffer.concat([head, bytes])
}
const text = (value: string): Buffer => Buffer.concat([Buffer.of(0xa0 | value.length), Buffer.from(value)])

/** A generator of numbers that is the same in every run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const ROUNDS = Number(process.env.CASHEWS_FUZZ_ROUNDS ?? 60_000)

describe('hostile bytes', () => {
  it.each([
    ['an array of 4 G items', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['a map of 4 G entries', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ['bytes of 4 G', [0xc6, 0xff, 0xff, 0xff, 0xff, 1]],
    ['text of 4 G', [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ['an extension of 4 G', [0xc9, 0xff, 0xff, 0xff, 0xff, 1]],
    ['arrays of arrays that are not there', Array.from({ length: 30 }, () => [0xdc, 0xff, 0xff]).flat()],
    ['nothing', []],
    ['more than a value', [0x01, 0x02]],
  ])('that promise %s are a miss (J8)', async (_, payload) => {
    expect(await missOf(serializer, msgpack(...payload))).toMatchObject({ reason: 'corrupt' })
  })

  it.each([
    ['msgpack', msgpack(Buffer.alloc(100_000, 0x91))],
    ['msgpack maps', msgpack(Buffer.from('81a161'.repeat(100_000), 'hex'))],
    ['json', json('['.repeat(100_000))],
    ['json objects', json('{"a":'.repeat(100_000))],
    ['tagged json', json('{"$":[4,['.repeat(50_000) + ']]}'.repeat(50_000))],
  ])('nested 100,000 levels deep in %s are a miss (J8)', async (_, bytes) => {
    expect(await missOf(serializer, bytes)).toMatchObject({ reason: 'corrupt' })
  })

  it.each([
    ['alone', '{"$":[15,7]}'],
    ['in data', '{"a":[{"$":[15,7]}]}'],
    ['beside those that have one', '[{"$":[15,1]},{"$":[14,[[1,{"b":1}],[{"$":[15,1]},{"$":[15,1]}]]]}]'],
  ])('that name a part which is not there, %s, are a miss', async (_, payload) => {
    expect(await missOf(serializer, json(payload))).toMatchObject({ reason: 'corrupt' })
    expect(await serializer.decode('k', json('[1]'), host)).toEqual([1])
  })

  it.each([
    ['a RegExp', msgpack(0xd4, 0x78, 0, 0x92, text('(a+)+$'), text('g'))],
    ['an Error of msgpackr', msgpack(0xd4, 0x65, 0, 0x93, text('Error'), text('m'), 0xc0)],
    ['a record, which is read by compiled code', msgpack(0xd4, 0x72, 0x40, 0x91, text('a'), 0x01)],
    ['a record of two bytes', msgpack(0xd5, 0x72, 0x40, 0x01, 0x91, text('a'), 0x01)],
    ['bundled strings', msgpack(0xd6, 0x62, 0, 0, 0, 4, 0xc1, 0x01)],
    ['a pointer', msgpack(0xd6, 0x70, 0, 0, 0, 1)],
    ['an id', msgpack(0xd6, 0x69, 0, 0, 0, 1, 0x90)],
    ['a Set of msgpackr', msgpack(0xd4, 0x73, 0, 0x91, 0x01)],
    ['a typed array of msgpackr', msgpack(0xc7, 2, 0x74, 1, 1)],
    ['a timestamp', msgpack(0xd6, 0xff, 0, 0, 0, 1)],
    ['an extension nobody knows', msgpack(0xd4, 0x10, 0)],
    ['an unknown tag', msgpack(0xd4, 0x43, 0, 0x92, 0x7f, 0xc0)],
    ['a tag that is not a number', msgpack(0xd4, 0x43, 0, 0x92, text('toString'), 0xc0)],
    ['a part without a tag', msgpack(0xd4, 0x43, 0, 0xc0)],
    ['an unknown tag in JSON', json('{"$":["constructor",1]}')],
    ['an unregistered class', json('{"$":[16,["nobody",1]]}')],
    ['an error class that is not on the list', json('{"$":[5,["Function","m",[],[]]]}')],
    ['a view that is not a view', json('{"$":[8,["Function",{"$":[20,"AA=="]}]]}')],
    ['a view that does not fit its bytes', json('{"$":[8,["Float64Array",{"$":[20,"AA=="]}]]}')],
    ['a map with a key too many', json('{"$":[3,[1]]}')],
    ['rows that do not come out even', json('{"$":[10,[["a","b"],[1,2,3]]]}')],
    ['rows with a column __proto__', json('{"$":[10,[["__proto__"],[{"a":1}]]]}')],
    ['rows without columns', json('{"$":[10,[[],[]]]}')],
    ['a reference to nothing', json('{"$":[14,[[],{"$":[15,7]}]]}')],
    ['references to each other', json('{"$":[14,[[0,{"$":[15,1]},1,{"$":[15,0]}],{"$":[15,0]}]]}')],
    ['a big integer that is none', json('{"$":[7,"1n"]}')],
    ['a URL that is none', json('{"$":[6,"no url"]}')],
    ['a list shorter than its items', json('{"$":[13,[1,[5,1]]]}')],
    ['a list of impossible length', json('{"$":[13,[-1,[]]]}')],
    ['JSON that is none', json('{"a":')],
    ['JSON that is not UTF-8', Buffer.from([0xc5, 0x11, 0x22, 0xff, 0x22])],
  ])('that bring %s are a miss (J10)', async (_, bytes) => {
    expect((await missOf(serializer, bytes)).code).toBe('CASHEWS_DECODE')
  })

  it.each([
    ['a date of text', '[2,"2020-01-01"]'],
    ['a Map of text', '[3,"ab"]'],
    ['a Set of text', '[4,"ab"]'],
    ['a URL in a list', '[6,["https://shop.example"]]'],
    ['a view of a list', '[8,["Uint8Array",[1,2]]]'],
    ['bytes of a list', '[20,[1,2]]'],
    ['UTF-16 that is text', '[9,"ab"]'],
    ['a number in a list', '[19,["5"]]'],
    ['a key that is a number', '[12,[1,"a"]]'],
    ['search parameters of an object', '[17,{"a":"b"}]'],
    ['an error whose message is a number', '[5,["Error",1,[],[]]]'],
    ['an error whose hidden fields are text', '[5,["Error","m",["code",1],"code"]]'],
    ['rows whose column is a number', '[10,[[1],["a","b"]]]'],
    ['a list whose length is text', '[13,["2",[0,"a"]]]'],
    ['a list with an item before its first', '[13,[2,[-1,"a"]]]'],
    ['a list with an item between two', '[13,[2,[0.5,"a"]]]'],
    ['a reference by text', '[14,[["7",1],{"$":[15,"7"]}]]'],
    ['a Set with more than its members', '[4,[1],2]'],
  ])('that bring %s are a miss, although JavaScript would make something of it', async (_, part) => {
    expect(await missOf(serializer, json(`{"$":${part}}`))).toMatchObject({ reason: 'corrupt' })
  })

  it('may hold __proto__ and pollute nothing', async () => {
    const polluted = { polluted: true }
    const map = msgpack(0x81, text('__proto__'), 0x81, text('polluted'), 0xc3)
    const texts = [
      json('{"__proto__":{"polluted":true}}'),
      json('{"$":[12,["__proto__",{"polluted":true}]]}'),
      json('{"constructor":{"prototype":{"polluted":true}}}'),
    ]
    for (const bytes of [map, ...texts]) {
      const found = (await serializer.decode('key', bytes, host)) as object
      expect(Object.getPrototypeOf(found)).toBe(Object.prototype)
      expect(found).not.toMatchObject(polluted)
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  it('may hold what is read as one object for everybody, which nobody can change', async () => {
    const found = (await serializer.decode('key', msgpack(0xc1), host)) as Record<string, unknown>
    expect(() => {
      found.name = 'mine'
    }).toThrow(TypeError)
  })

  it.each([
    ['text of somebody else', Buffer.from('hello')],
    ['JSON of somebody else', Buffer.from('{"a":1}')],
    ['text that begins like an envelope', Buffer.from('őrült')],
    ['a pickle', Buffer.from('8004952a', 'hex')],
    ['what Python cashews signed', Buffer.from('md5:fda2d9e3c2a686b8e8f335533d3152c6_"test"')],
    ['what Python cashews summed', Buffer.from('sum:50d_"test"')],
    ['nothing', Buffer.alloc(0)],
    ['a lonely minus', Buffer.from('-')],
    ['a number with a leading zero', Buffer.from('007')],
    ['a negative zero', Buffer.from('-0')],
    ['a number that is not safe', Buffer.from('9007199254740993')],
    ['a number that is too long', Buffer.from('1'.repeat(1_000_000))],
    ['a fraction', Buffer.from('1.5')],
    ['half an envelope', Buffer.of(0xc5)],
    ['a later version', Buffer.of(0xc5, 0x20, 0xc0)],
    ['an unknown format', Buffer.of(0xc5, 0x13, 0xc0)],
    ['a format of somebody else', Buffer.of(0xc5, 0x12, 0xc0)],
  ])('that are %s are a miss', async (_, bytes) => {
    expect((await missOf(serializer, bytes)).code).toBe('CASHEWS_DECODE')
  })

  it('that were cut off anywhere are a miss', async () => {
    const parts = [1, -200, 70_000, 0.5, null, 'text', 'é'.repeat(40), 'x'.repeat(300), Buffer.alloc(300), new Date(0)]
    const rows = parts.map((part, id) => ({ id, part, [`key${id}`]: new Map([[part, new Set([1n])]]) }))
    for (const value of [parts, rows, rows.map(({ id, part }) => ({ id, part }))]) {
      const bytes = asBytes(await serializer.encode('key', value))
      expect(await serializer.decode('key', bytes, host)).toEqual(value)
      for (let length = 2; length < bytes.length; length++)
        expect(await missOf(serializer, bytes.subarray(0, length))).toMatchObject({ reason: 'corrupt' })
    }
  })

  it('take no memory for what they only promise', async () => {
    const before = process.memoryUsage().rss
    for (const word of [0xc6, 0xdb, 0xdd, 0xdf])
      for (let promised = 0x10; promised <= 0xff; promised++)
        await missOf(serializer, msgpack(word, promised, 0xff, 0xff, 0xff, Buffer.alloc(1_000, 0x01)))
    expect((process.memoryUsage().rss - before) / 1024 ** 2).toBeLessThan(64)
  })

  it(
    'at random crash nothing, and leave no trace',
    async () => {
      const random = randomFrom(42)
      const before = Object.getOwnPropertyNames(Object.prototype).length
      const signed = createSerializer({ secret: 'a secret that nobody else knows!' })
      const seeds = [{ a: [1, 'x', null] }, new Map([[1, new Set([1])]]), new Error('x'), [1n, new Date(0)]]
      const valid = await Promise.all(
        seeds.flatMap((seed) => [
          serializer.encode('key', seed),
          createSerializer({ codec: 'json' }).encode('key', seed),
        ]),
      )
      let [misses, values, accepted] = [0, 0, 0]
      for (let round = 0; round < ROUNDS; round++) {
        let bytes: Buffer
        if (round % 2 === 0) {
          // Bytes without sense, most of them after a header that makes sense.
          bytes = Buffer.from(Array.from({ length: 1 + Math.floor(random() * 40) }, () => Math.floor(random() * 256)))
          if (round % 8 !== 0) bytes = Buffer.concat([Buffer.of(0xc5, 0x10 | ((round >> 3) % 8)), bytes])
        } else {
          // What makes sense, with some bytes changed.
          bytes = Buffer.from(valid[round % valid.length] as Buffer)
          for (let change = 0; change <= random() * 4; change++)
            bytes[2 + Math.floor(random() * (bytes.length - 2))] = Math.floor(random() * 256)
        }
        const found = await serializer.decode('key', bytes, host)
        if (found === MISS) misses++
        else values++
        const isCounter = /^-?\d+$/.test(bytes.toString('latin1'))
        if (!isCounter && (await signed.decode('key', bytes, host)) !== MISS) accepted++
      }
      console.info(
        `J9: ${ROUNDS} random buffers: ${misses} misses, ${values} values, ${accepted} accepted where signed`,
      )
      expect(misses + values).toBe(ROUNDS)
      expect(accepted).toBe(0)
      expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(before)
    },
    60_000 + ROUNDS,
  )
})

describe('a decompression bomb', () => {
  const zeros = Buffer.alloc(200 * 1024 ** 2)
  const bombs: [string, number, Buffer][] = [
    ['gzip', 1, zlib.gzipSync(zeros)],
    ['brotli', 2, zlib.brotliCompressSync(zeros, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } })],
    ['zstd', 3, zlib.zstdCompressSync(zeros)],
  ]

  it.each(bombs)(
    'of %s is refused before it grows, whatever it says about its size',
    async (name, algorithm, bytes) => {
      for (const size of [zeros.length, 1_000, 0]) {
        const before = process.memoryUsage().rss
        const start = performance.now()
        const error = await missOf(serializer, compressed(algorithm, bytes, size))
        const took = performance.now() - start
        const grown = (process.memoryUsage().rss - before) / 1024 ** 2
        const figures = `${took.toFixed(1)} ms, ${grown.toFixed(1)} MB`
        console.info(`J7: 200 MB in ${bytes.length} bytes of ${name} that say they are ${size}: ${figures}`)
        expect(error).toMatchObject({ reason: 'limit' })
        expect(grown).toBeLessThan(32)
      }
    },
  )

  it('is a miss when it is shorter than its header says', async () => {
    expect(await missOf(serializer, compressed(1, zlib.gzipSync('short'), 100))).toMatchObject({ reason: 'corrupt' })
  })

  it('is not what we write ourselves, however well a value compresses', async () => {
    const writer = createSerializer({ compression: 'gzip', strict: true })
    const bytes = asBytes(await writer.encode('key', zeros.subarray(0, 4 * 1024 ** 2)))
    expect(((await writer.decode('key', bytes, host)) as Buffer).length).toBe(4 * 1024 ** 2)
  })
})

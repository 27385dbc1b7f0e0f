import { deepStrictEqual } from 'node:assert'
import { createSerializer, type Serializer } from '@cashews/serialization'
import { compare, type Peer, run } from '../harness.ts'
import { judged, type Row } from '../report.ts'

const host = {
  error(error: unknown): never {
    throw error
  },
}

interface Payload {
  readonly what: string
  readonly value: unknown
  /** The number of round trips in a batch. */
  readonly operations: number
}

const row = (id: number) => ({
  id: `u${id}`,
  name: `Ada Lovelace ${id}`,
  email: `ada${id}@example.org`,
  age: 20 + (id % 60),
  active: id % 2 === 0,
  score: id * 1.5,
})

const PAYLOADS: readonly Payload[] = [
  {
    what: '100 B: an object of six fields',
    value: { id: 'u1000042', name: 'Ada Lovelace', email: 'ada@example.org', age: 36, active: true, city: 'London' },
    operations: 1_000,
  },
  {
    what: '1 kB: a user with address, tags and orders',
    value: {
      ...row(1),
      address: { street: "12 St James's Square", city: 'London', zip: 'SW1Y 4LB', country: 'GB' },
      tags: ['mathematics', 'poetry', 'engines'],
      bio: 'Augusta Ada King, Countess of Lovelace, was an English mathematician and writer, chiefly known for her work.',
      orders: Array.from({ length: 9 }, (_, id) => ({
        id: 1_000 + id,
        total: 19.99 * id,
        currency: 'GBP',
        paid: true,
      })),
    },
    operations: 200,
  },
  {
    what: '50 kB: a page of 400 users',
    value: {
      page: 1,
      of: 12,
      items: Array.from({ length: 400 }, (_, id) => ({ ...row(id), since: '2026-01-01T00:00:00Z' })),
    },
    operations: 5,
  },
  {
    what: '50 kB: 100 users, no two alike',
    value: Array.from({ length: 100 }, (_, id) => ({
      ...row(id),
      [`field${id % 7}`]: { text: 'x'.repeat(100), list: [id, id + 1, id + 2], [`inner${id % 5}`]: ['a', 'b', null] },
      history: [
        { at: id, what: 'created by hand' },
        { at: id + 1, what: 'changed', by: 'somebody else' },
      ],
      note: `note ${id} `.repeat(10),
    })),
    operations: 5,
  },
]

/** Encodes and decodes a value, as a cache does on a store of bytes. */
const roundTrip = (serializer: Serializer, value: unknown): unknown =>
  serializer.decode('user:1', serializer.encode('user:1', value) as Buffer, host)

const ours = (name: string, serializer: Serializer, { value, operations }: Payload) => ({
  name,
  operations,
  batch: () => {
    for (let made = 0; made < operations; made++) roundTrip(serializer, value)
  },
  check: () => deepStrictEqual(roundTrip(serializer, value), value),
})

const jsonOf = ({ value, operations }: Payload): Peer => ({
  name: 'JSON.stringify + JSON.parse',
  operations,
  batch: () => {
    for (let made = 0; made < operations; made++) JSON.parse(JSON.stringify(value))
  },
  check: () => deepStrictEqual(JSON.parse(JSON.stringify(value)), value),
})

/** S1: a value to bytes and back, beside JSON text. */
await run(async () => {
  const rows = []
  for (const payload of PAYLOADS) {
    const { what, value, operations } = payload
    const bytes: Peer = {
      name: 'the same, to bytes and from bytes',
      operations,
      batch: () => {
        for (let made = 0; made < operations; made++) JSON.parse(Buffer.from(JSON.stringify(value)).toString())
      },
      check: () => deepStrictEqual(JSON.parse(Buffer.from(JSON.stringify(value)).toString()), value),
    }
    rows.push(
      ...(await compare({
        lane: 'S1',
        what,
        ours: ours('cashews', createSerializer(), payload),
        peers: [
          { ...jsonOf(payload), bar: { atMost: 1.25, aim: 1.05 } },
          bytes,
          ours("cashews, codec: 'json'", createSerializer({ codec: 'json' }), payload),
        ],
      })),
    )
  }
  return [...rows, ...(await signed(PAYLOADS[1] as Payload))]
})

/** What a signature costs, in time beyond JSON text that nobody signs. */
async function signed(payload: Payload): Promise<Row[]> {
  const what = `signed, ${payload.what}`
  const [row] = await compare({
    lane: 'S1',
    what,
    ours: ours('cashews', createSerializer({ secret: 'a secret that nobody else knows!' }), payload),
    peers: [jsonOf(payload)],
  })
  const { ours: own = Number.NaN, theirs = Number.NaN } = row as Row
  const micros = (own - theirs) / 1e3
  return [row as Row, judged({ lane: 'S1', what, beside: 'microseconds more', ratio: micros }, { atMost: 6, aim: 5 })]
}

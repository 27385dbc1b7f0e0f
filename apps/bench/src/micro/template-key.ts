import { strictEqual } from 'node:assert'
import { type CompiledKey, compileKey, newSpot } from '@cashews/core'
import { compare, run } from '../harness.ts'
import { ids } from '../users.ts'

/** The key of a call as wrapped functions make it: that of a recent call, or a new one. */
function keyOf(key: CompiledKey, args: readonly unknown[]): string {
  const known = key.recent.find(args)
  if (known !== undefined) return known.key
  const spot = newSpot(key.render(undefined, args))
  key.recent.add(args, spot)
  return spot.key
}

/** G1: a key from a template and a lookup, beside a template literal. */
await run(async () => {
  const short = compileKey({ fn: (id: string) => id, kind: 'function' }, { key: 'user:{id}' })
  const long = compileKey(
    { fn: (org: string, id: string) => org + id, kind: 'function' },
    { key: 'org:{org}:user:{id}' },
  )
  const org = (id: string): string => `o${id.slice(-1)}`
  const calls = ids.map((id) => [org(id), id] as const)
  const shortKeys = new Map(ids.map((id) => [`user:${id}`, id]))
  const longKeys = new Map(calls.map(([of, id]) => [`org:${of}:user:${id}`, id]))
  let sum = 0

  return [
    ...(await compare({
      lane: 'G1',
      what: 'a key with one placeholder, and a Map lookup',
      ours: {
        name: 'cashews template',
        batch: () => {
          for (const id of ids) sum += shortKeys.get(keyOf(short, [id]))?.length ?? Number.NaN
        },
        check: () => {
          for (const id of ids) strictEqual(keyOf(short, [id]), `user:${id}`)
        },
      },
      peers: [
        {
          name: 'template literal by hand',
          bar: { atLeast: 0.8, aim: 0.98 },
          batch: () => {
            for (const id of ids) sum += shortKeys.get(`user:${id}`)?.length ?? Number.NaN
          },
          check: () => strictEqual(Number.isNaN(sum), false),
        },
      ],
    })),
    ...(await compare({
      lane: 'G1',
      what: 'a key of four parts, and a Map lookup',
      ours: {
        name: 'cashews template',
        batch: () => {
          for (const [of, id] of calls) sum += longKeys.get(keyOf(long, [of, id]))?.length ?? Number.NaN
        },
        check: () => {
          for (const [of, id] of calls) strictEqual(keyOf(long, [of, id]), `org:${of}:user:${id}`)
        },
      },
      peers: [
        {
          name: 'template literal by hand',
          bar: { atLeast: 0.8, aim: 0.98 },
          batch: () => {
            for (const [of, id] of calls) sum += longKeys.get(`org:${of}:user:${id}`)?.length ?? Number.NaN
          },
          check: () => strictEqual(Number.isNaN(sum), false),
        },
      ],
    })),
  ]
})

import { hash } from 'node:crypto'
import { type Awaitable, type Content, chain, MISS, type Milliseconds, type Miss, type Snapshot } from '@cashews/core'
import { timeLeft } from '../keys/server-reads.ts'
import { bitsIn, isBits } from '../kinds/bit-string.ts'
import { Script } from '../scripts/script.ts'
import type { StoredValues } from './stored-values.ts'

/** Lua: a function `inspect(key)` for scripts. */
export const INSPECT_KEY: string = `
local function inspect(key)
  local held = redis.pcall('GET', key)
  if not held then return false end
  if type(held) == 'string' then return redis.call('PTTL', key) .. ':' .. held end
  local kind = redis.call('TYPE', key).ok
  local found = {redis.sha1hex(redis.call('DUMP', key)), redis.call('PTTL', key), kind, {}}
  if kind == 'set' then found[4] = redis.call('SMEMBERS', key) end
  if kind == 'zset' then
    local events = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    for i = 2, #events, 2 do found[4][i / 2] = events[i] end
  end
  return found
end`

/**
 * Answers for a string its time left and its value, separated by a colon, which is the fastest form to read; the stamp is the
 * SHA-1 of the value. Answers for other kinds a list: stamp, time left, kind, and the members of the set or the instants of
 * the window.
 */
export const INSPECT: Script = new Script(`${INSPECT_KEY}
return inspect(KEYS[1])`)

/** Converts the answer of a script that inspects a key. */
export function snapshotIn(key: string, answer: unknown, values: StoredValues): Awaitable<Snapshot | Miss> {
  if (answer === null) return MISS
  if (answer instanceof Buffer) return snapshotOfString(key, answer, values)
  const [stamp, left, kind, items] = answer as [Buffer, number, Buffer, Buffer[]]
  const found = { value: MISS, timeLeft: timeLeft(left) as Milliseconds, stamp: stamp.toString('latin1') }
  const content = contentOf(String(kind), items)
  return content ? { ...found, content } : found
}

function snapshotOfString(key: string, answer: Buffer, values: StoredValues): Awaitable<Snapshot> {
  const colon = answer.indexOf(':')
  const left = timeLeft(Number(answer.toString('latin1', 0, colon))) as Milliseconds
  const bytes = answer.subarray(colon + 1)
  if (isBits(bytes)) return { ...stamped(bytes, MISS, left), content: bitsIn(bytes) }
  return chain(values.decode(key, bytes), (value) => stamped(bytes, value, left))
}

/** Computes the stamp on access, since it is rarely needed. */
function stamped(bytes: Buffer, value: unknown, timeLeft: Milliseconds): Snapshot {
  return {
    value,
    timeLeft,
    get stamp() {
      return hash('sha1', bytes)
    },
  }
}

/** The content of a key that is not a string. */
function contentOf(kind: string, items: readonly Buffer[]): Content | undefined {
  if (kind === 'set') return { kind, items: items.map(String) }
  if (kind === 'zset') return { kind: 'window', items: items.map(Number) }
  return undefined
}

import type { Bits } from '@cashews/core'
import type { KeyCommands } from '../keys/key-commands.ts'
import { Script } from '../scripts/script.ts'
import { BITS_HEADER_BYTES, BITS_HEADER_IN_LUA } from './bit-string.ts'

const FIELDS = `
local header = ${BITS_HEADER_IN_LUA}
local function hasBits(key)
  if redis.call('EXISTS', key) == 0 then return false end
  if redis.call('GETRANGE', key, 0, 7) ~= header then error({err = 'WRONGTYPE This key holds no bits'}) end
  return true
end
local function fields(first, perField, make)
  local found, count, most = {}, 0, 1000 * perField
  local args, filled = {'OVERFLOW', 'SAT'}, 2
  for i = first, #ARGV do
    make(args, filled, ARGV[i])
    filled = filled + perField
    if i == #ARGV or filled >= most then
      local answers = redis.call('BITFIELD', KEYS[1], unpack(args, 1, filled))
      for at = 1, #answers do found[count + at] = answers[at] end
      count, filled = count + #answers, 2
    end
  end
  return found
end`

/** ARGV: type of the fields, offsets. */
const GET = new Script(`${FIELDS}
hasBits(KEYS[1])
local type = ARGV[1]
return fields(2, 3, function(args, at, offset)
  args[at + 1], args[at + 2], args[at + 3] = 'GET', type, offset
end)`)

/** ARGV: type of the fields, by, offsets. */
const INCR = new Script(`${FIELDS}
if not hasBits(KEYS[1]) then redis.call('SET', KEYS[1], header) end
redis.call('UNLINK', KEYS[2])
local type, by = ARGV[1], ARGV[2]
return fields(3, 4, function(args, at, offset)
  args[at + 1], args[at + 2], args[at + 3], args[at + 4] = 'INCRBY', type, offset, by
end)`)

/** Bits, stored as a string per key. */
export function redisBits(commands: KeyCommands): Bits {
  return {
    get: async (key, indexes, size) =>
      asNumbers(await commands.run(GET, key, [typeOf(size), ...offsets(indexes, size)])),
    incr: async (key, indexes, size, by) => {
      if (indexes.length === 0) return []
      return asNumbers(await commands.change(INCR, key, [typeOf(size), by, ...offsets(indexes, size)]))
    },
  }
}

/** The type of a field for `BITFIELD`. */
function typeOf(size: number): string {
  return `u${size}`
}

/** The bit of the string at which each field begins. */
function offsets(indexes: readonly number[], size: number): number[] {
  return indexes.map((index) => BITS_HEADER_BYTES * 8 + index * size)
}

function asNumbers(answer: unknown): number[] {
  return (answer as unknown[]).map(Number)
}

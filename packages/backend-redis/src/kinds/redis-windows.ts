import { randomUUID } from 'node:crypto'
import type { Windows } from '@cashews/core'
import type { KeyCommands } from '../keys/key-commands.ts'
import { Script, ttlOf } from '../scripts/script.ts'

/**
 * ARGV: start, or `''` to go by the server's clock, so that the clocks of callers do not matter; end, or period; max; ttl; a
 * unique member. Answers the number of events, whether one was added, and the age of the oldest.
 */
const INCR = new Script(`
local first, last = ARGV[1], ARGV[2]
if first == '' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  first, last = string.format('%.0f', now - last + 1), string.format('%.0f', now)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. first)
local count = redis.call('ZCARD', KEYS[1])
local added = count < tonumber(ARGV[3])
if added then
  redis.call('ZADD', KEYS[1], last, ARGV[5])
  if ARGV[4] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
  redis.call('UNLINK', KEYS[2])
  count = count + 1
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
return {count, added and 1 or 0, oldest and string.format('%.17g', math.max(0, last - oldest)) or '0'}`)

/**
 * Windows, each stored as a sorted set of events by their instants.
 *
 * @param newEvent Makes a unique name for an event.
 */
export function redisWindows(commands: KeyCommands, newEvent: () => string): Windows {
  return {
    incr: async (key, slice) => {
      const [from, to] = 'period' in slice ? ['', slice.period] : [slice.start, slice.end]
      const args = [from, to, slice.max, ttlOf(slice.lifetime), newEvent()]
      const [count, added, age] = (await commands.change(INCR, key, args)) as [number, number, Buffer]
      return { count, added: added === 1, age: Number(age) }
    },
  }
}

/** Returns a function that makes a unique name for an event at each call. */
export function eventNames(): () => string {
  const self = randomUUID()
  let events = 0
  return () => `${self}:${events++}`
}

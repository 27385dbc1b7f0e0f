import { PUT, Script } from '../scripts/script.ts'

// KEYS are pairs of a value and its lease: each write of a value removes its lease, in the same step.

/** ARGV: value, ttl, condition (`NX`, `XX` or `''`). */
export const SET: Script = new Script(`
local args = {'SET', KEYS[1], ARGV[1]}
if ARGV[2] ~= '' then args[4] = 'PX' args[5] = ARGV[2] end
if ARGV[3] ~= '' then args[#args + 1] = ARGV[3] end
if not redis.call(unpack(args)) then return 0 end
redis.call('UNLINK', KEYS[2])
return 1`)

/** ARGV: ttl, value of each pair. */
export const SET_MANY: Script = new Script(`${PUT}
for i = 1, #KEYS, 2 do
  put(KEYS[i], ARGV[(i + 3) / 2], ARGV[1])
  redis.call('UNLINK', KEYS[i + 1])
end
return #KEYS / 2`)

/** Answers how many values existed. */
export const DELETE: Script = new Script(`
local gone = 0
for i = 1, #KEYS, 2 do
  gone = gone + redis.call('UNLINK', KEYS[i])
  redis.call('UNLINK', KEYS[i + 1])
end
return gone`)

/** ARGV: by, ttl. Refuses sums beyond 2^53 - 1, which JavaScript numbers cannot represent exactly. */
export const INCR: Script = new Script(`
local isNew = redis.call('EXISTS', KEYS[1]) == 0
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if math.abs(sum) > 9007199254740991 then
  redis.call('DECRBY', KEYS[1], ARGV[1])
  return redis.error_reply('ERR increment or decrement would overflow')
end
if isNew and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('UNLINK', KEYS[2])
return sum`)

/** ARGV: ttl. Answers whether the key exists. */
export const EXPIRE: Script = new Script(`
redis.call('UNLINK', KEYS[2])
if ARGV[1] ~= '' then return redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
redis.call('PERSIST', KEYS[1])
return redis.call('EXISTS', KEYS[1])`)

/** Answers bytes. `EXISTS` comes first, because the server would count an expired key that it has not noticed yet. */
export const SIZE: Script = new Script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('MEMORY', 'USAGE', KEYS[1])`)

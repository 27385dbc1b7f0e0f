import type { Milliseconds } from '@cashews/core'
import { PUT, Script } from '../scripts/script.ts'

/**
 * While loads of a key run, the key has a lease in Redis: `name:stored:count`, which is a random name, the number of the last
 * load that has stored its value, and the number of loads that have begun. Any other write of the value removes the lease.
 *
 * A load has the token `name:0:number`: the content of the lease if this load were the last to begin and none had stored yet.
 * With a single load, the two are equal.
 */
const LEASE = "'^(.*):(%d+):(%d+)$'"

/** How long a load may take and still be stored, in milliseconds: as long as its lease. */
export const LEASE_LIFETIME: Milliseconds = 300_000

/** Lua: creates the lease, or takes the next number of an existing one. The token is in `taken`. */
const TAKE = `
local taken = ARGV[1]
if not redis.call('SET', KEYS[2], taken, 'NX', 'PX', ${LEASE_LIFETIME}) then
  local name, stored, count = string.match(redis.call('GET', KEYS[2]), ${LEASE})
  redis.call('SET', KEYS[2], name .. ':' .. stored .. ':' .. count + 1, 'PX', ${LEASE_LIFETIME})
  taken = name .. ':0:' .. count + 1
end`

/** Lua: ends the script with the value, if there is one. */
const OR_VALUE = `
local value = redis.pcall('GET', KEYS[1])
if type(value) == 'string' then return value end`

/** Lua: creates the absent records of tags, and ends the script with what it found where that differs from what was offered. */
const TAKEN = `
local answer, asOffered = {taken}, taken == ARGV[1]
for i = 3, #KEYS do
  local record = ARGV[2]
  if not redis.call('SET', KEYS[i], record, 'NX', 'PX', ${LEASE_LIFETIME}) then
    record, asOffered = redis.call('GET', KEYS[i]), false
    local left = redis.call('PTTL', KEYS[i])
    if left >= 0 and left < ${LEASE_LIFETIME / 2} then redis.call('PEXPIRE', KEYS[i], ${LEASE_LIFETIME}) end
  end
  answer[i - 1] = record
end
if asOffered then return 1 end
return answer`

/**
 * KEYS: value, lease, records of tags. ARGV: a token with a new name, and the content for records that are absent. Afterwards,
 * the records live for at least half as long as the lease. Answers 1 if the lease and all the records were created as offered;
 * otherwise the token that was taken, and the content of each record.
 */
export const TAKE_LEASE: Script = new Script(`${TAKE}${TAKEN}`)

/** The same, but answers the value if there is one. */
export const GET_OR_LEASE: Script = new Script(`${OR_VALUE}${TAKE}${TAKEN}`)

/**
 * Lua: ends the script with 0 unless the token in ARGV[1] is still valid: its lease exists, and no load that began later has
 * stored a value.
 *
 * @param held Lua that reads the lease.
 */
export const unlessVoid = (held: string): string => `
local held, left = ${held}, nil
if held ~= ARGV[1] then
  local name, stored, count = string.match(held or '', ${LEASE})
  local own, _, number = string.match(ARGV[1], ${LEASE})
  if name ~= own or tonumber(number) < tonumber(stored) then return 0 end
  if number ~= count then left = name .. ':' .. number .. ':' .. count end
end`

/** Lua: voids the tokens of this load and of those before it. The last load removes the lease. */
export const STORED: string = `
if left then redis.call('SET', KEYS[2], left, 'KEEPTTL') else redis.call('UNLINK', KEYS[2]) end`

/** KEYS: value, lease. ARGV: token, value, ttl. Writes if the token is valid, and answers whether it did. */
export const SET_LEASED: Script = new Script(`${unlessVoid("redis.call('GET', KEYS[2])")}${PUT}
put(KEYS[1], ARGV[2], ARGV[3])
${STORED}
return 1`)

/** Removes leases, and leaves the values alone. */
export const VOID: Script = new Script(`
for i = 2, #KEYS, 2 do redis.call('UNLINK', KEYS[i]) end`)

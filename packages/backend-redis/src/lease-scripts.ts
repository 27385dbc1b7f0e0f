import type { Milliseconds } from '@cashews/core'
import { PUT, Script } from './script.ts'

/**
 * While loads of a key run, its lease holds `name:stored:count`: a random name, the number of the last load that has stored a
 * value, and how many loads have begun. Whoever else writes the value removes the lease.
 *
 * A load itself holds what the lease would be if it were the last one to begin and none had stored, `name:0:number`. With one
 * load at a time, the two are equal.
 */
const LEASE = "'^(.*):(%d+):(%d+)$'"

/** How long a load may take and still be stored, in milliseconds: as long as its lease. */
export const LEASE_LIFETIME: Milliseconds = 300_000

/** Takes the lease, or the next number of one that is there, as `taken`. */
const TAKE = `
local taken = ARGV[1]
if not redis.call('SET', KEYS[2], taken, 'NX', 'PX', ${LEASE_LIFETIME}) then
  local name, stored, count = string.match(redis.call('GET', KEYS[2]), ${LEASE})
  redis.call('SET', KEYS[2], name .. ':' .. stored .. ':' .. count + 1, 'PX', ${LEASE_LIFETIME})
  taken = name .. ':0:' .. count + 1
end`

/** Answers the value, if there is one. */
const OR_VALUE = `
local value = redis.pcall('GET', KEYS[1])
if type(value) == 'string' then return value end`

/** Makes the records that are absent, and answers what was taken, unless it is all as it was offered. */
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
 * KEYS: value, lease, records of tags. ARGV: a lease with a new name, and what absent records are made to hold. The records
 * then live for at least half as long as the lease. Answers 1 when this lease was taken and all the records were made; otherwise the
 * lease that was taken, and what each record holds.
 */
export const TAKE_LEASE: Script = new Script(`${TAKE}${TAKEN}`)

/** The same, unless there is a value: then it answers that. */
export const GET_OR_LEASE: Script = new Script(`${OR_VALUE}${TAKE}${TAKEN}`)

/**
 * Ends the script with 0 unless the lease in ARGV[1] still holds: it is there, and no load that began later has stored.
 *
 * @param held Lua that reads what the lease holds.
 */
export const unlessVoid = (held: string): string => `
local held, left = ${held}, nil
if held ~= ARGV[1] then
  local name, stored, count = string.match(held or '', ${LEASE})
  local own, _, number = string.match(ARGV[1], ${LEASE})
  if name ~= own or tonumber(number) < tonumber(stored) then return 0 end
  if number ~= count then left = name .. ':' .. number .. ':' .. count end
end`

/** Ends the leases of this load and of those before it. The last load removes the lease. */
export const STORED: string = `
if left then redis.call('SET', KEYS[2], left, 'KEEPTTL') else redis.call('UNLINK', KEYS[2]) end`

/** KEYS: value, lease. ARGV: the lease of a load, value, ttl. Writes while the lease holds, and answers whether it did. */
export const SET_LEASED: Script = new Script(`${unlessVoid("redis.call('GET', KEYS[2])")}${PUT}
put(KEYS[1], ARGV[2], ARGV[3])
${STORED}
return 1`)

/** Voids leases. The values stay. */
export const VOID: Script = new Script(`
for i = 2, #KEYS, 2 do redis.call('UNLINK', KEYS[i]) end`)

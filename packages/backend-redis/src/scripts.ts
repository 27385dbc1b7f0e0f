import type { Milliseconds } from '@cashews/core'
import type { Argument } from './link.ts'
import { Script } from './script.ts'

/** Marks a string that holds bits. Eight bytes, so that fields begin at bit 64. */
export const BITS_HEADER: Buffer = Buffer.from('\xc6cbits\x01\x00', 'latin1')
const HEADER = String.raw`'\198cbits\1\0'`
/** As {@link joinTags} writes it. */
const TAGS = String.raw`'\198ctags\1\0'`

/**
 * What Redis has no single command for. A script runs alone (redis.io, "Scripting with Lua"), so each is one step.
 * `KEYS` come in pairs, a value and its lease: whoever writes a value voids the lease, in the same step.
 * A time to live of `''` means none.
 */

/** A time to live as scripts take it. */
export function ttlOf(lifetime: Milliseconds): Argument {
  return lifetime === Number.POSITIVE_INFINITY ? '' : lifetime
}

/** ARGV: value, ttl, condition (`NX`, `XX` or `''`). */
export const SET: Script = new Script(`
local args = {'SET', KEYS[1], ARGV[1]}
if ARGV[2] ~= '' then args[4] = 'PX' args[5] = ARGV[2] end
if ARGV[3] ~= '' then args[#args + 1] = ARGV[3] end
if not redis.call(unpack(args)) then return 0 end
redis.call('UNLINK', KEYS[2])
return 1`)

/** ARGV: ttl, value of each pair. */
export const SET_MANY: Script = new Script(`
for i = 1, #KEYS, 2 do
  if ARGV[1] == '' then redis.call('SET', KEYS[i], ARGV[(i + 3) / 2])
  else redis.call('SET', KEYS[i], ARGV[(i + 3) / 2], 'PX', ARGV[1]) end
  redis.call('UNLINK', KEYS[i + 1])
end
return #KEYS / 2`)

/** Answers how many values were there. */
export const DELETE: Script = new Script(`
local gone = 0
for i = 1, #KEYS, 2 do
  gone = gone + redis.call('UNLINK', KEYS[i])
  redis.call('UNLINK', KEYS[i + 1])
end
return gone`)

/** Voids the leases alone. */
export const VOID: Script = new Script(`
for i = 2, #KEYS, 2 do redis.call('UNLINK', KEYS[i]) end`)

/** ARGV: by, ttl. Beyond 2^53 - 1 no JavaScript number tells a sum from its neighbours. */
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

/** ARGV: ttl. Answers whether the key is there. */
export const EXPIRE: Script = new Script(`
redis.call('UNLINK', KEYS[2])
if ARGV[1] ~= '' then return redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
redis.call('PERSIST', KEYS[1])
return redis.call('EXISTS', KEYS[1])`)

/** A digest of whatever stands under a key; `''` for an absent one. */
const STAMP_OF = `
local function stampOf(key)
  local held = redis.pcall('GET', key)
  if not held then return '' end
  return redis.sha1hex(type(held) == 'string' and held or redis.call('DUMP', key))
end`

const INSPECT_KEY = `
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
 * Answers the time left and the value of a string, with a colon between them: nothing is read faster; its stamp is the
 * SHA-1 of the value. Of another kind a list: stamp, time left, kind, and the members of a set or the instants of a window.
 */
export const INSPECT: Script = new Script(`${INSPECT_KEY}
return inspect(KEYS[1])`)

/**
 * KEYS: the locks that are expected, of which those that are freed at the end come first; the keys that are expected; a
 * pair for each write. ARGV: how many locks are freed, how many locks and how many keys are expected, and the channel of
 * freed locks; their tokens (`''`: free) and stamps (`''`: absent); then for each write what to do, its ttl (or `keep`) and
 * its value: of `set` and `bits` the bytes; of `members` and `events` JSON, an id before the instants; of `lock` the token.
 */
export const APPLY: Script = new Script(`${STAMP_OF}
local freed, locks, expected, channel, arg = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[2] + ARGV[3], ARGV[4], 5
for from = 1, locks, 1000 do
  for _, owner in ipairs(redis.call('MGET', unpack(KEYS, from, math.min(from + 999, locks)))) do
    if (owner or '') ~= ARGV[arg] then return 0 end
    arg = arg + 1
  end
end
for i = locks + 1, expected do
  if stampOf(KEYS[i]) ~= ARGV[arg] then return 0 end
  arg = arg + 1
end
local gone = {}
local function store(key, value, ttl)
  if ttl == '' then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', ttl) end
end
local function fill(key, ttl, add)
  redis.call('UNLINK', key)
  add()
  if ttl ~= '' then redis.call('PEXPIRE', key, ttl) end
end
for i = expected + 1, #KEYS, 2 do
  local key, op, ttl, value = KEYS[i], ARGV[arg], ARGV[arg + 1], ARGV[arg + 2]
  if op == 'delete' then redis.call('UNLINK', key)
  elseif op == 'expire' then
    if ttl == '' then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, ttl) end
  elseif op == 'unlock' then
    redis.call('UNLINK', key)
    redis.call('PUBLISH', channel, key)
  elseif op == 'members' then
    fill(key, ttl, function() for _, member in ipairs(cjson.decode(value)) do redis.call('SADD', key, member) end end)
  elseif op == 'events' then
    fill(key, ttl, function()
      local events = cjson.decode(value)
      for at = 2, #events do redis.call('ZADD', key, events[at], events[1] .. ':' .. at) end
    end)
  elseif ttl == 'keep' then
    local left = redis.call('PTTL', key)
    store(key, value, left > 0 and left or '')
  else store(key, value, ttl) end
  if KEYS[i + 1] ~= key then gone[#gone + 1] = KEYS[i + 1] end
  arg = arg + 3
end
for i = 1, freed do
  gone[#gone + 1] = KEYS[i]
  redis.call('PUBLISH', channel, KEYS[i])
end
for from = 1, #gone, 1000 do redis.call('UNLINK', unpack(gone, from, math.min(from + 999, #gone))) end
return 1`)

/** Answers bytes. The server counts what has expired, until it is asked for. */
export const SIZE: Script = new Script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('MEMORY', 'USAGE', KEYS[1])`)

const HAS_BITS = `
local header = ${HEADER}
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
export const GET_BITS: Script = new Script(`${HAS_BITS}
hasBits(KEYS[1])
local type = ARGV[1]
return fields(2, 3, function(args, at, offset)
  args[at + 1], args[at + 2], args[at + 3] = 'GET', type, offset
end)`)

/** ARGV: type of the fields, by, offsets. */
export const INCR_BITS: Script = new Script(`${HAS_BITS}
if not hasBits(KEYS[1]) then redis.call('SET', KEYS[1], header) end
redis.call('UNLINK', KEYS[2])
local type, by = ARGV[1], ARGV[2]
return fields(3, 4, function(args, at, offset)
  args[at + 1], args[at + 2], args[at + 3], args[at + 4] = 'INCRBY', type, offset, by
end)`)

/**
 * ARGV: start (`''`: the server's own clock decides, so that the clocks of its callers do not matter), end or period,
 * max, ttl, a member nobody else has. Answers how many, whether one was added, and the age of the oldest.
 */
export const INCR_WINDOW: Script = new Script(`
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

const EACH_THOUSAND = `
local function eachThousand(command, first)
  redis.call('SCARD', KEYS[1]) -- refuses what is no set, whatever the members
  local sum = 0
  for from = first, #ARGV, 1000 do
    sum = sum + redis.call(command, KEYS[1], unpack(ARGV, from, math.min(from + 999, #ARGV)))
  end
  return sum
end`

/** ARGV: ttl (`keep`: as it is), members. */
export const ADD_MEMBERS: Script = new Script(`${EACH_THOUSAND}
local added = eachThousand('SADD', 2)
if ARGV[1] == '' then redis.call('PERSIST', KEYS[1])
elseif ARGV[1] ~= 'keep' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
redis.call('UNLINK', KEYS[2])
return added`)

/** ARGV: members. */
export const REMOVE_MEMBERS: Script = new Script(`${EACH_THOUSAND}
redis.call('UNLINK', KEYS[2])
return eachThousand('SREM', 1)`)

/** KEYS: the lock. ARGV: token, ttl. */
export const ACQUIRE: Script = new Script(`
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('SET', KEYS[1], ARGV[1]) else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1`)

/** KEYS: the lock, and its key. ARGV: token, ttl. Answers as {@link INSPECT}; 0 while another holds it. */
export const ACQUIRE_AND_INSPECT: Script = new Script(`${INSPECT_KEY}
if ARGV[2] == '' or not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  local owner = redis.call('GET', KEYS[1])
  if owner and owner ~= ARGV[1] then return 0 end
  if ARGV[2] == '' then redis.call('SET', KEYS[1], ARGV[1]) else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
end
return inspect(KEYS[2])`)

/** KEYS: the lock. ARGV: token, ttl. */
export const EXTEND: Script = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1`)

/** KEYS: the lock. ARGV: token, channel. Tells who waits. */
export const RELEASE: Script = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1])
redis.call('PUBLISH', ARGV[2], KEYS[1])
return 1`)

/**
 * What a lease holds, as long as somebody loads the value: a name, the number of the last load that has stored, and how many
 * there are, with colons between them. Whoever writes the value removes it. A load has what it would hold with that load as
 * the last one and none that has stored: mostly just what it does hold.
 */
const LEASE = "'^(.*):(%d+):(%d+)$'"

/** How long a load may take and still be stored, in milliseconds: as long as its lease. */
export const LEASE_LIFETIME: Milliseconds = 300_000

const TAKE = `
local taken = ARGV[1]
if not redis.call('SET', KEYS[2], taken, 'NX', 'PX', ${LEASE_LIFETIME}) then
  local name, stored, count = string.match(redis.call('GET', KEYS[2]), ${LEASE})
  redis.call('SET', KEYS[2], name .. ':' .. stored .. ':' .. count + 1, 'PX', ${LEASE_LIFETIME})
  taken = name .. ':0:' .. count + 1
end`

const OR_VALUE = `
local value = redis.pcall('GET', KEYS[1])
if type(value) == 'string' then return value end`

/** What is told is not what was offered: the lease, and what each record holds. */
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
 * KEYS: value, lease, records of tags. ARGV: a lease of a name nobody else gives, and what those records are made to hold that
 * are absent. All live for as long as the lease, or nearly. Answers 1 when the lease was taken and all the records were made,
 * otherwise the lease that was, and what each record holds.
 */
export const TAKE_LEASE: Script = new Script(`${TAKE}${TAKEN}`)

/** The same, unless there is a value: then it answers that. */
export const GET_OR_LEASE: Script = new Script(`${OR_VALUE}${TAKE}${TAKEN}`)

/** Goes on while the lease in ARGV[1] is there, and no load that began later has stored. @param held Reads what the key of the lease holds. */
const goOnWith = (held: string) => `
local held, left = ${held}, nil
if held ~= ARGV[1] then
  local name, stored, count = string.match(held or '', ${LEASE})
  local own, _, number = string.match(ARGV[1], ${LEASE})
  if name ~= own or tonumber(number) < tonumber(stored) then return 0 end
  if number ~= count then left = name .. ':' .. number .. ':' .. count end
end`

/** Reads the lease, and the records of tags with it. */
const READ_RECORDS = `
local records = redis.call('MGET', unpack(KEYS, 2))
${goOnWith('table.remove(records, 1)')}`

/** The last load removes the lease. */
const STORED = `
if left then redis.call('SET', KEYS[2], left, 'KEEPTTL') else redis.call('UNLINK', KEYS[2]) end`

/** KEYS: value, lease. ARGV: the lease of a load, value, ttl. Writes while it holds. */
export const SET_LEASED: Script = new Script(`${goOnWith("redis.call('GET', KEYS[2])")}
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
${STORED}
return 1`)

/** The record of a tag without the mark of one that was made for a load. */
const STAMP_IN = `
local function stampIn(record)
  if record and string.byte(record) == 126 then return string.sub(record, 2) end
  return record
end`

/**
 * Lets a record that holds a stamp outlive a value, and takes the mark of a load from it, or makes it where it is absent.
 * Answers its time left (-1: no end), and whether it was put anew.
 */
const KEEP = `
local function put(key, value, ttl)
  if ttl == '' then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', ttl) end
end
local function keep(key, record, stamp, ttl, recordTtl)
  if record ~= stamp then
    put(key, stamp, recordTtl)
    return tonumber(recordTtl) or -1, true
  end
  local left = redis.call('PTTL', key)
  if left < 0 then return -1 end
  if ttl == '' then
    redis.call('PERSIST', key)
    return -1
  end
  if left >= tonumber(ttl) then return left end
  redis.call('PEXPIRE', key, recordTtl)
  return tonumber(recordTtl)
end`

/**
 * Puts values, each in a pair of KEYS, beside what the records hold that come after them. Answers 1, or 2 when it put a record
 * anew, the time left of each (-1: no end), and what each holds.
 */
const PUT_TAGGED = `${STAMP_IN}${KEEP}
local function putTagged(records, tags, values, ttl, recordTtl, fresh)
  local stamps, answer = {}, {1}
  for i = 1, #records do
    local key, stamp = KEYS[2 * #values + i], stampIn(records[i]) or fresh
    local left, isNew = keep(key, records[i], stamp, ttl, recordTtl)
    if isNew then answer[1] = 2 end
    stamps[i], answer[1 + i], answer[1 + #records + i] = stamp, left, stamp
  end
  local head = '[["' .. table.concat(stamps, '","') .. '"],' .. tags .. ']'
  head = ${TAGS} .. struct.pack('>I4', #head) .. head
  for i, value in ipairs(values) do put(KEYS[2 * i - 1], head .. value, ttl) end
  return answer
end`

/**
 * KEYS: a pair for each value, then the records of its tags. ARGV: ttl; a line of the ttl of records and one of what is put
 * into those that have to be made; the values, each behind a head with what the records are thought to hold, or with no stamps.
 * (One argument fewer is a microsecond less.) Who thinks to know the records knows that they outlive the values: where he is
 * right no record is touched, the values are stored as they come, and the answer is 1. Otherwise it is that of
 * {@link PUT_TAGGED}. The lease of the last value is read along with the records: mostly there is none to remove.
 */
export const SET_TAGGED: Script = new Script(`
local count, ttl = #ARGV - 2, ARGV[1]
local records = redis.call('MGET', unpack(KEYS, 2 * count))
if table.remove(records, 1) then redis.call('UNLINK', KEYS[2 * count]) end
for i = 1, count - 1 do redis.call('UNLINK', KEYS[2 * i]) end
local areThere = true
for i = 1, #records do areThere = areThere and records[i] end
local thought = areThere and '[["' .. table.concat(records, '","') .. '"]'
if areThere and string.sub(ARGV[3], 13, 12 + #thought) == thought then
  for i = 1, count do
    if ttl == '' then redis.call('SET', KEYS[2 * i - 1], ARGV[2 + i])
    else redis.call('SET', KEYS[2 * i - 1], ARGV[2 + i], 'PX', ttl) end
  end
  return 1
end
${PUT_TAGGED}
local tags, values = nil, {}
for i = 1, count do
  local value = ARGV[2 + i]
  local length, start = struct.unpack('>I4', value, 9)
  tags = tags or string.match(string.sub(value, start, start + length - 1), '^%[%[[^%]]*%],(.*)%]$')
  values[i] = string.sub(value, start + length)
end
local recordTtl, fresh = string.match(ARGV[2], '^(.-)\\n(.*)$')
return putTagged(records, tags, values, ttl, recordTtl, fresh)`)

/**
 * As {@link SET_LEASED}, while records hold what they did before the load. KEYS: value, lease, records of its tags. ARGV: the
 * lease of a load; the value, behind a head with what they held; ttl; ttl of records, unless all of them surely outlive the
 * value. Answers 0 when it wrote nothing and 1 when it wrote the value alone; otherwise 1, or 2 when it put a record anew, and
 * the time left of each (-1: no end).
 */
export const SET_CAPTURED: Script = new Script(`${READ_RECORDS}
${STAMP_IN}${KEEP}
local stamps = {}
for i = 1, #records do
  if not records[i] then return 0 end
  stamps[i] = stampIn(records[i])
end
local captured = '[["' .. table.concat(stamps, '","') .. '"]'
if string.sub(ARGV[2], 13, 12 + #captured) ~= captured then return 0 end
local answer = 1
if ARGV[4] then
  answer = {1}
  for i = 1, #records do
    local left, isNew = keep(KEYS[i + 2], records[i], stamps[i], ARGV[3], ARGV[4])
    answer[i + 1] = left
    if isNew then answer[1] = 2 end
  end
end
put(KEYS[1], ARGV[2], ARGV[3])
${STORED}
return answer`)

/**
 * As {@link SET_LEASED}, whatever the records of its tags held before the load. KEYS: value, lease, records, and the record of
 * all, if that is looked at. ARGV: the lease of a load, the tags as JSON, ttl, ttl of records, what a record is made to hold
 * where there is none, the value, and what the record of all must hold. Answers 0 when it wrote nothing; otherwise as
 * {@link PUT_TAGGED}.
 */
export const SET_TAGGED_LEASED: Script = new Script(`${READ_RECORDS}
${PUT_TAGGED}
if ARGV[7] and stampIn(table.remove(records)) ~= ARGV[7] then return 0 end
local answer = putTagged(records, ARGV[2], {ARGV[6]}, ARGV[3], ARGV[4], ARGV[5])
${STORED}
return answer`)

/** Answers value and time left of each key, for copies that live no longer than the key. */
export const GET_WITH_TTL: Script = new Script(`
local found = {}
for i, value in ipairs(redis.call('MGET', unpack(KEYS))) do
  found[2 * i - 1] = value
  found[2 * i] = value and redis.call('PTTL', KEYS[i]) or 0
end
return found`)

import { STORED, unlessVoid } from '../leases/lease-scripts.ts'
import { PUT, Script } from '../scripts/script.ts'
import { TAGS_HEADER_IN_LUA } from './tagged-bytes.ts'

/** Lua: reads the records of tags, and ends the script if the token is void. */
const READ_RECORDS = `
local records = redis.call('MGET', unpack(KEYS, 2))
${unlessVoid('table.remove(records, 1)')}`

/** Lua: the stamp in the record of a tag, without the mark of a record that was made for a load. */
const STAMP_IN = `
local function stampIn(record)
  if record and string.byte(record) == 126 then return string.sub(record, 2) end
  return record
end`

/**
 * Lua: `keep(…)` makes the record of a tag outlive a value. A record that is absent or marked as made for a load is written
 * again, with the bare stamp. Returns the time that the record has left (-1: no end), and whether it was written.
 */
const KEEP = `${PUT}
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
 * Lua: `putTagged(…)` writes a value for each pair of KEYS, preceded by a head with the stamps in the records, whose names
 * follow the pairs. Returns 1, or 2 if it wrote a record; then the time that each record has left (-1: no end), and its stamp.
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
  head = ${TAGS_HEADER_IN_LUA} .. struct.pack('>I4', #head) .. head
  for i, value in ipairs(values) do put(KEYS[2 * i - 1], head .. value, ttl) end
  return answer
end`

/**
 * KEYS: a pair for each value, then the records of its tags.
 *
 * ARGV: the ttl of the values; the ttl of records and the content for absent ones, as two lines of one argument, because one
 * argument less saves a microsecond; the values, each preceded by a head with the stamps that the caller expects in the records,
 * or without stamps.
 *
 * A caller that expects stamps also knows that their records outlive the values. If it is right, no record is touched, the
 * values are stored as they are, and the answer is 1. Otherwise the answer is that of {@link PUT_TAGGED}. The lease of the
 * last value is read together with the records, because there is rarely one to remove.
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
 * Writes like `SET_LEASED`, if the records of the tags are the same as before the load.
 *
 * KEYS: value, lease, records. ARGV: token; the value, preceded by a head with the stamps from before the load; ttl; ttl of
 * records, which is left out if all of them are known to outlive the value. Answers 0 if it wrote nothing, and 1 if it wrote only
 * the value. Otherwise it answers 1, or 2 if it wrote a record, and then the time that each record has left (-1: no end).
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
 * Writes like `SET_LEASED`, whatever the records of the tags were before the load.
 *
 * KEYS: value, lease, records, and the record of all tags if that one must be unchanged. ARGV: token; the tags as JSON; ttl; ttl
 * of records; the content for absent records; the value; the stamp that the record of all tags must have. Answers 0 if it wrote
 * nothing, and otherwise what {@link PUT_TAGGED} does.
 */
export const SET_TAGGED_LEASED: Script = new Script(`${READ_RECORDS}
${PUT_TAGGED}
if ARGV[7] and stampIn(table.remove(records)) ~= ARGV[7] then return 0 end
local answer = putTagged(records, ARGV[2], {ARGV[6]}, ARGV[3], ARGV[4], ARGV[5])
${STORED}
return answer`)

import { checkText, type Sets } from '@cashews/core'
import type { KeyCommands } from '../keys/key-commands.ts'
import { Script, ttlOf } from '../scripts/script.ts'

const EACH_THOUSAND = `
local function eachThousand(command, first)
  redis.call('SCARD', KEYS[1]) -- refuses what is not a set, whatever the members
  local sum = 0
  for from = first, #ARGV, 1000 do
    sum = sum + redis.call(command, KEYS[1], unpack(ARGV, from, math.min(from + 999, #ARGV)))
  end
  return sum
end`

/** ARGV: ttl (`keep` to leave it), members. Answers how many were added. */
const ADD = new Script(`${EACH_THOUSAND}
local added = eachThousand('SADD', 2)
if ARGV[1] == '' then redis.call('PERSIST', KEYS[1])
elseif ARGV[1] ~= 'keep' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
redis.call('UNLINK', KEYS[2])
return added`)

/** ARGV: members. Answers how many were removed. */
const REMOVE = new Script(`${EACH_THOUSAND}
redis.call('UNLINK', KEYS[2])
return eachThousand('SREM', 1)`)

/** Sets, stored as Redis sets. */
export function redisSets(commands: KeyCommands): Sets {
  return {
    add: async (key, members, lifetime) => {
      for (const member of members) checkText('member', member)
      const ttl = lifetime === undefined ? 'keep' : ttlOf(lifetime)
      return Number(await commands.change(ADD, key, [ttl, ...members]))
    },
    remove: async (key, members) => Number(await commands.change(REMOVE, key, members)),
    pop: async (key, count) => {
      const popped = await commands.changing([key], () => commands.send('spop', key, count))
      return (popped as Buffer[]).map(String)
    },
  }
}

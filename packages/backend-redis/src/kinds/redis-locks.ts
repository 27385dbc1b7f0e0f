import { keyOfLock, type Locks } from '@cashews/core'
import type { Argument } from '../connection/link.ts'
import type { ReleaseBell } from '../connection/release-bell.ts'
import type { KeyCommands } from '../keys/key-commands.ts'
import { PUT, Script, ttlOf } from '../scripts/script.ts'
import { INSPECT_KEY, snapshotIn } from '../values/inspect.ts'
import type { StoredValues } from '../values/stored-values.ts'

/** KEYS: the lock. ARGV: token, ttl. */
const ACQUIRE = new Script(`${PUT}
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
put(KEYS[1], ARGV[1], ARGV[2])
return 1`)

/** KEYS: the lock, and its key. ARGV: token, ttl. Answers what `INSPECT` does; 0 if another token holds the lock. */
const ACQUIRE_AND_INSPECT = new Script(`${INSPECT_KEY}${PUT}
if ARGV[2] == '' or not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  local owner = redis.call('GET', KEYS[1])
  if owner and owner ~= ARGV[1] then return 0 end
  put(KEYS[1], ARGV[1], ARGV[2])
end
return inspect(KEYS[2])`)

/** KEYS: the lock. ARGV: token, ttl. */
const EXTEND = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1`)

/** KEYS: the lock. ARGV: token, channel. Notifies the waiters for the lock. */
const RELEASE = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1])
redis.call('PUBLISH', ARGV[2], KEYS[1])
return 1`)

/** Locks, each stored as a string with the token of its owner. */
export function redisLocks({ link, keys, scripts }: KeyCommands, values: StoredValues, bell: ReleaseBell): Locks {
  const run = async (script: Script, lock: string, args: readonly Argument[]): Promise<boolean> =>
    (await scripts.run(script, [keys.lock(lock)], args)) === 1
  return {
    acquire: (lock, token, lifetime) => run(ACQUIRE, lock, [token, ttlOf(lifetime)]),
    acquireAndInspect: (lock, token, lifetime) => {
      const key = keyOfLock(lock)
      const names = [keys.lock(lock), keys.value(key)]
      return scripts
        .run(ACQUIRE_AND_INSPECT, names, [token, ttlOf(lifetime)])
        .then((answer) => (answer === 0 ? undefined : snapshotIn(key, answer, values)))
    },
    extend: (lock, token, lifetime) => run(EXTEND, lock, [token, ttlOf(lifetime)]),
    release: (lock, token) => run(RELEASE, lock, [token, bell.channel]),
    isLocked: async (lock) => {
      const name = keys.lock(lock)
      return (await link.send({ name: 'exists', args: [name], key: name })) === 1
    },
    released: (lock, atMost) => bell.released(keys.lock(lock), atMost),
  }
}

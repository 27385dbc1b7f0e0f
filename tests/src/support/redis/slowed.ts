import { type Backend, MISS, type Milliseconds } from '@cashews/core'
import type { Redis } from 'ioredis'
import { altered } from '../helpers.ts'

/** How much slower time passes for the store. */
const SLOWER = 10_000

/** ARGV: namespace, milliseconds. Does not remove leases, whose lifetime is none that a test has set. */
const AGE = `
local time = redis.call('TIME')
local now, by = time[1] * 1000, tonumber(ARGV[2])
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  if redis.call('TYPE', key).ok == 'zset' then
    local events = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    for i = 1, #events, 2 do
      if math.abs(events[i + 1] - now) < 1e11 then redis.call('ZINCRBY', key, -by, events[i]) end
    end
  end
  local left = redis.call('PTTL', key)
  if left > by then redis.call('PEXPIRE', key, string.format('%.0f', left - by))
  elseif left >= 0 and not key:find('~lease:', 1, true) then redis.call('UNLINK', key) end
end`

/** Lets time pass for the keys of a namespace: their time to live gets shorter, and events in windows get older. */
export function age(server: Redis, namespace: string, duration: Milliseconds): Promise<unknown> {
  return server.eval(AGE, 0, namespace, duration * SLOWER)
}

/**
 * A store for which time passes ten thousand times slower than for this process, except by {@link age}. So tests need not
 * wait, and one that takes a second is only a tenth of a millisecond late.
 */
export function slowed(real: Backend): Backend {
  const { locks, windows, sets, leases, tags } = real
  if (!locks || !windows || !sets || !leases || !tags) throw new Error('This store lacks a group.')
  return altered(real, {
    set: (key, value, lifetime, exists) => real.set(key, value, lifetime * SLOWER, exists),
    setMany: (entries, lifetime) => real.setMany(entries, lifetime * SLOWER),
    setRaw: (key, value, lifetime) => real.setRaw(key, value, lifetime * SLOWER),
    incr: (key, by, lifetime) => real.incr(key, by, lifetime * SLOWER),
    expire: (key, lifetime) => real.expire(key, lifetime * SLOWER),
    timeLeft: async (key) => quickened(await real.timeLeft(key)),
    inspect: async (key) => {
      const found = await real.inspect(key)
      return found === MISS ? MISS : { ...found, timeLeft: quickened(found.timeLeft) as Milliseconds }
    },
    apply: (expectations, writes) =>
      real.apply(
        expectations,
        writes.map((write) =>
          !('lifetime' in write) || write.lifetime === 'keep' ? write : { ...write, lifetime: write.lifetime * SLOWER },
        ),
      ),
    sets: {
      ...sets,
      add: (key, members, lifetime) => sets.add(key, members, lifetime && lifetime * SLOWER),
    },
    windows: {
      async incr(key, slice) {
        const lifetime = slice.lifetime * SLOWER
        if ('start' in slice) return windows.incr(key, { ...slice, lifetime })
        const window = await windows.incr(key, { ...slice, lifetime, period: slice.period * SLOWER })
        return { ...window, age: Math.floor(window.age / SLOWER) }
      },
    },
    locks: {
      ...locks,
      acquire: (key, token, lifetime) => locks.acquire(key, token, lifetime * SLOWER),
      acquireAndInspect: async (key, token, lifetime) => {
        const found = await locks.acquireAndInspect?.(key, token, lifetime * SLOWER)
        if (found === undefined || found === MISS) return found
        return { ...found, timeLeft: quickened(found.timeLeft) as Milliseconds }
      },
      extend: (key, token, lifetime) => locks.extend(key, token, lifetime * SLOWER),
    },
    leases: {
      ...leases,
      set: (key, value, lifetime, lease, names) => leases.set(key, value, lifetime * SLOWER, lease, names),
    },
    tags: {
      ...tags,
      set: (key, value, lifetime, names, how) => tags.set(key, value, lifetime * SLOWER, names, how),
      setMany: (entries, lifetime, names) => tags.setMany(entries, lifetime * SLOWER, names),
      incr: (key, by, lifetime, names) => tags.incr(key, by, lifetime * SLOWER, names),
    },
  })
}

function quickened<T>(left: Milliseconds | T): Milliseconds | T {
  return typeof left === 'number' ? Math.ceil(left / SLOWER) : left
}

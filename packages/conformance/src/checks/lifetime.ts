import { MISS } from '@cashews/core'
import { FOREVER, keysOf, lives, missing, same, truth } from '../assertions.ts'
import type { Check, CheckContext, CheckGroup, Feature } from '../check.ts'

/** Lets a key expire, and asks a member about it. */
function expired(member: string, run: (context: CheckContext) => Promise<void>, needs: readonly Feature[] = []): Check {
  return {
    title: `an expired key is absent for ${member}`,
    needs,
    async run(context) {
      const { backend, elapse, unit } = context
      await backend.set('a', 1, unit)
      await elapse(context.exact ? unit : 1.5 * unit)
      await run(context)
    },
  }
}

const DAY = 86_400_000

/** How long a key is there. */
export const lifetime: CheckGroup = {
  name: 'lifetime',
  checks: [
    {
      title: 'now tells milliseconds since the epoch',
      async run({ backend }) {
        if (!backend.now) return
        const now = await backend.now()
        // Far from seconds and microseconds, also where the time was moved by centuries.
        truth(now > 1e12 && now < 1e15, `now is ${now}`)
      },
    },
    {
      title: 'a lifetime runs from the moment of the write',
      async run({ backend, elapse, unit }) {
        await backend.set('a', 1, 2 * unit)
        await elapse(unit)
        same(await backend.get('a'), 1, 'before its end')
        await elapse(1.5 * unit)
        missing(await backend.get('a'), 'after its end')
      },
    },
    {
      title: 'a lifetime is kept to the millisecond',
      async run(context) {
        const { backend, elapse, exact, unit } = context
        const lifetime = 2 * unit + 123
        await backend.set('a', 1, lifetime)
        await lives(context, 'a', lifetime)
        if (!exact) return
        await elapse(lifetime - 1)
        same(await backend.get('a'), 1, 'a millisecond before its end')
        await elapse(1)
        missing(await backend.get('a'), 'at its end')
      },
    },
    {
      title: 'a lifetime is at least a millisecond',
      async run({ backend, elapse, unit }) {
        same(await backend.set('a', 1, 1), true)
        await elapse(unit)
        missing(await backend.get('a'))
      },
    },
    {
      title: 'a lifetime may be longer than any timer: 100 days',
      async run(context) {
        const { backend, elapse, unit } = context
        await backend.set('a', 1, 100 * DAY)
        await elapse(unit)
        same(await backend.get('a'), 1)
        await lives(context, 'a', 100 * DAY - unit)
      },
    },
    {
      title: 'an infinite lifetime never ends',
      async run(context) {
        const { backend, elapse, exact, unit } = context
        await backend.set('a', 1, FOREVER)
        await elapse(exact ? 36_500 * DAY : 2 * unit)
        same(await backend.get('a'), 1)
      },
    },
    {
      title: 'set replaces the lifetime by a longer one',
      async run(context) {
        const { backend, elapse, unit } = context
        await backend.set('a', 1, unit)
        await backend.set('a', 2, 9 * unit)
        await elapse(2 * unit)
        same(await backend.get('a'), 2)
        await lives(context, 'a', 7 * unit)
      },
    },
    {
      title: 'set replaces the lifetime by a shorter one',
      async run({ backend, elapse, unit }) {
        await backend.set('a', 1, 100 * unit)
        await backend.set('a', 2, unit)
        await elapse(1.5 * unit)
        missing(await backend.get('a'))
      },
    },
    {
      title: 'set replaces the lifetime by none',
      async run({ backend, elapse, unit }) {
        await backend.set('a', 1, unit)
        await backend.set('a', 2, FOREVER)
        await elapse(1.5 * unit)
        same(await backend.get('a'), 2)
        same(await backend.timeLeft('a'), FOREVER)
      },
    },
    {
      title: 'timeLeft answers the time left',
      async run(context) {
        const { backend, elapse, unit } = context
        await backend.set('a', 1, 5 * unit)
        await lives(context, 'a', 5 * unit)
        await elapse(2 * unit)
        await lives(context, 'a', 3 * unit)
      },
    },
    {
      title: 'timeLeft answers Infinity when there is no expiry, and MISS when there is no key',
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        same(await backend.timeLeft('a'), FOREVER)
        missing(await backend.timeLeft('b'))
      },
    },
    {
      title: 'expire replaces the lifetime by a longer one',
      async run(context) {
        const { backend, elapse, unit } = context
        await backend.set('a', 1, unit)
        same(await backend.expire('a', 9 * unit), true)
        await elapse(2 * unit)
        same(await backend.get('a'), 1)
        await lives(context, 'a', 7 * unit)
      },
    },
    {
      title: 'expire replaces the lifetime by a shorter one, and by none',
      async run({ backend, elapse, unit }) {
        await backend.set('a', 1, FOREVER)
        await backend.set('b', 2, unit)
        same([await backend.expire('a', unit), await backend.expire('b', FOREVER)], [true, true])
        same(await backend.timeLeft('b'), FOREVER)
        await elapse(1.5 * unit)
        missing(await backend.get('a'))
        same(await backend.get('b'), 2)
      },
    },
    {
      title: 'expire answers false for an absent key, and does not create it',
      async run({ backend }) {
        same(await backend.expire('a', 1_000), false)
        same(await backend.exists('a'), false)
      },
    },
    expired('get', async ({ backend }) => missing(await backend.get('a'))),
    expired('getMany', async ({ backend }) => same(await backend.getMany(['a']), [MISS])),
    expired('getRaw', async ({ backend }) => {
      const [expiredKey, neverWritten] = [await backend.getRaw('a'), await backend.getRaw('never')]
      same(expiredKey, neverWritten)
    }),
    expired('exists', async ({ backend }) => same(await backend.exists('a'), false)),
    expired('timeLeft', async ({ backend }) => missing(await backend.timeLeft('a'))),
    expired('inspect', async ({ backend }) => missing(await backend.inspect('a'))),
    expired('size', async ({ backend }) => same(await backend.size('a'), 0)),
    expired('scan', async ({ backend }) => same(await keysOf(backend), [])),
    expired('count', async ({ backend }) => same(await backend.count(), 0)),
    expired('delete', async ({ backend }) => same(await backend.delete('a'), false)),
    expired('deleteMany', async ({ backend }) => same(await backend.deleteMany(['a']), 0)),
    expired('deleteMatch', async ({ backend }) => same(await backend.deleteMatch('*'), 0)),
    expired('expire', async ({ backend }) => {
      same(await backend.expire('a', FOREVER), false)
      missing(await backend.get('a'), 'it came back')
    }),
    expired('incr', async ({ backend }) => same(await backend.incr('a', 5, FOREVER), 5)),
    expired('set over a key that is there', async ({ backend }) => {
      same(await backend.set('a', 2, FOREVER, true), false)
    }),
    expired('set where there is no key', async ({ backend }) => same(await backend.set('a', 2, FOREVER, false), true)),
    expired('apply', async ({ backend }) => {
      const writes = [{ op: 'set', key: 'a', value: 2, lifetime: 'keep' }] as const
      same(await backend.apply([{ key: 'a' }], writes), true)
      same(await backend.timeLeft('a'), FOREVER)
    }),
    {
      title: 'an expired key is absent for an expectation of its stamp',
      async run({ backend, elapse, unit }) {
        await backend.set('a', 1, unit)
        const found = await backend.inspect('a')
        truth(found !== MISS, 'it was never there')
        await elapse(1.5 * unit)
        same(await backend.apply([{ key: 'a', stamp: found === MISS ? undefined : found.stamp }], []), false)
      },
    },
    expired(
      'sets',
      async ({ backend, unit }) => {
        if (!backend.sets) return
        same(await backend.sets.add('a', ['x'], unit), 1)
      },
      ['sets'],
    ),
  ],
}

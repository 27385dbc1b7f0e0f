import type { WindowCount } from '@cashews/core'
import { lives, same } from '../assertions.ts'
import type { Check, CheckContext, CheckGroup } from '../check.ts'
import { groupOf } from '../group-of.ts'
import { otherKindChecks } from './other-kind.ts'

const check = (title: string, run: Check['run']): Check => ({ title, needs: ['windows'], run })

/** Counts an event at `end`, in a window that begins at `start`. */
async function count(context: CheckContext, start: number, end: number, max = 100, lifetime = 60_000): Promise<number> {
  return (await groupOf(context, 'windows').incr('a', { start, end, max, lifetime })).count
}

/** Counts an event of the last `units` by the store's own clock. Ages are answered in units. */
async function lately(context: CheckContext, units: number, max = 100): Promise<WindowCount> {
  const { exact, unit } = context
  const slice = { period: units * unit, max, lifetime: 60_000 }
  const { age, ...found } = await groupOf(context, 'windows').incr('a', slice)
  return { ...found, age: exact ? age / unit : Math.floor(age / unit) }
}

/** Events in a sliding window. */
export const windows: CheckGroup = {
  name: 'windows',
  checks: [
    check('a window answers how many events it holds now', async (context) => {
      same([await count(context, 0, 1), await count(context, 0, 2), await count(context, 0, 3)], [1, 2, 3])
    }),
    check('a window forgets events before its start, and keeps one at its start', async (context) => {
      for (const end of [1, 2, 3]) await count(context, 0, end)
      same(await count(context, 2, 4), 3)
      same(await count(context, 4, 5), 2)
      same(await count(context, 100, 101), 1)
    }),
    check('a window never counts an event again that it has forgotten', async (context) => {
      for (const end of [1, 2]) await count(context, 0, end)
      same(await count(context, 2, 3, 1), 1, 'a full window')
      same(await count(context, 0, 3), 2)
    }),
    check('a window adds nothing when max events are left', async (context) => {
      for (const end of [1, 2]) await count(context, 0, end, 2)
      same([await count(context, 0, 3, 2), await count(context, 0, 4, 2)], [2, 2])
      same(await count(context, 2, 5, 2), 2, 'after one was forgotten')
      same(await count(context, 0, 6, 100), 3)
    }),
    check('a window tells whether it added the event', async (context) => {
      const slice = { start: 0, max: 2, lifetime: 60_000 }
      const added: boolean[] = []
      for (const end of [1, 2, 3]) added.push((await groupOf(context, 'windows').incr('a', { ...slice, end })).added)
      same(added, [true, true, false])
    }),
    check(
      'a window tells how long ago its oldest event happened, 0 when that is the one just added',
      async (context) => {
        const slice = { max: 2, lifetime: 60_000 }
        const age = async (start: number, end: number) =>
          (await groupOf(context, 'windows').incr('a', { ...slice, start, end })).age
        same([await age(0, 3), await age(0, 5), await age(0, 9), await age(4, 10), await age(20, 20)], [0, 2, 6, 5, 0])
        same([await age(0, 18), await age(0, 17)], [0, 0], 'earlier than the others')
      },
    ),
    check('a window of a period counts events by the clock of the store', async (context) => {
      same(await lately(context, 3, 2), { count: 1, added: true, age: 0 })
      await context.elapse(context.unit)
      same(await lately(context, 3, 2), { count: 2, added: true, age: 1 })
      await context.elapse(context.unit)
      same(await lately(context, 3, 2), { count: 2, added: false, age: 2 })
    }),
    check('a window of a period forgets an event when the period has passed, and not before', async (context) => {
      const { elapse, exact, unit } = context
      await lately(context, 2, 1)
      await elapse(exact ? 2 * unit - 1 : unit)
      same((await lately(context, 2, 1)).added, false, 'just before')
      await elapse(exact ? 1 : 1.5 * unit)
      same(await lately(context, 2, 1), { count: 1, added: true, age: 0 }, 'when it has passed')
    }),
    check('a window counts events at the same instant separately', async (context) => {
      same([await count(context, 0, 5), await count(context, 0, 5), await count(context, 0, 5)], [1, 2, 3])
    }),
    check('a window counts instants as large as those of a clock, to the fraction', async (context) => {
      const now = Date.UTC(2026, 10, 1)
      await count(context, now - 1, now)
      await count(context, now - 1, now + 0.25)
      same(await count(context, now + 0.125, now + 1), 2)
    }),
    check('a window renews its lifetime when it adds an event', async (context) => {
      const { elapse, unit } = context
      await count(context, 0, 1, 2, 3 * unit)
      await elapse(unit)
      await count(context, 0, 2, 2, 9 * unit)
      await lives(context, 'a', 9 * unit)
    }),
    check('a window leaves its lifetime as it is when it adds nothing', async (context) => {
      const { elapse, unit } = context
      await count(context, 0, 1, 1, 5 * unit)
      await elapse(unit)
      await count(context, 0, 2, 1, 9 * unit)
      await lives(context, 'a', 4 * unit)
    }),
    check('a window ends with its lifetime', async (context) => {
      const { elapse, unit } = context
      await count(context, 0, 1, 100, unit)
      await elapse(1.5 * unit)
      same(await count(context, 0, 2), 1)
    }),
    ...otherKindChecks({
      needs: 'windows',
      noun: 'a window',
      write: async (context, key) =>
        groupOf(context, 'windows').incr(key, { start: 0, end: 1, max: 9, lifetime: 60_000 }),
      fill: async (context, key) => {
        for (const end of [3, 1.5])
          await groupOf(context, 'windows').incr(key, { start: 0, end, max: 9, lifetime: 60_000 })
      },
      items: [1.5, 3],
      commands: [
        (context, key) => groupOf(context, 'windows').incr(key, { start: 0, end: 1, max: 9, lifetime: 60_000 }),
      ],
    }),
  ],
}

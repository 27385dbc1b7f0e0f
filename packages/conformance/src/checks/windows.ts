import { lives, same } from '../assertions.ts'
import type { Check, CheckContext, CheckGroup } from '../check.ts'
import { groupOf } from '../group-of.ts'
import { otherKindChecks } from './other-kind.ts'

const check = (title: string, run: Check['run']): Check => ({ title, needs: ['windows'], run })

/** Counts an event at `end`, in a window that begins at `start`. */
async function count(context: CheckContext, start: number, end: number, max = 100, lifetime = 60_000): Promise<number> {
  return groupOf(context, 'windows').incr('a', { start, end, max, lifetime })
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
    check('a window that forgot events does not remember them', async (context) => {
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
    check('a window answers the negative count, if asked to, when nothing was added', async (context) => {
      const slice = { start: 0, max: 2, lifetime: 60_000, signed: true }
      const counts: number[] = []
      for (const end of [1, 2, 3]) counts.push(await groupOf(context, 'windows').incr('a', { ...slice, end }))
      same(counts, [1, 2, -2])
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
      commands: [
        (context, key) => groupOf(context, 'windows').incr(key, { start: 0, end: 1, max: 9, lifetime: 60_000 }),
      ],
    }),
  ],
}

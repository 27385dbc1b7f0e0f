import { FOREVER, lives, same } from '../assertions.ts'
import type { Check, CheckContext, CheckGroup } from '../check.ts'
import { groupOf } from '../group-of.ts'
import { otherKindChecks } from './other-kind.ts'

const setsOf = (context: CheckContext) => groupOf(context, 'sets')
const check = (title: string, run: Check['run']): Check => ({ title, needs: ['sets'], run })

/** Unordered sets of text. */
export const sets: CheckGroup = {
  name: 'sets',
  checks: [
    check('add answers how many members were new', async (context) => {
      same(await setsOf(context).add('a', ['x', 'y', 'x']), 2)
      same(await setsOf(context).add('a', ['y', 'z']), 1)
      same(await setsOf(context).add('a', []), 0)
      same((await setsOf(context).pop('a', 10)).sort(), ['x', 'y', 'z'])
    }),
    check('add gives a set the lifetime named, in place of the one it has', async (context) => {
      const { backend, elapse, unit } = context
      await setsOf(context).add('a', ['x'], 3 * unit)
      await lives(context, 'a', 3 * unit)
      await elapse(unit)
      await setsOf(context).add('a', ['x'], 9 * unit)
      await lives(context, 'a', 9 * unit)
      await setsOf(context).add('a', ['y'], FOREVER)
      same(await backend.timeLeft('a'), FOREVER)
    }),
    check('add without a lifetime leaves a set its own', async (context) => {
      const { backend, elapse, unit } = context
      await setsOf(context).add('a', ['x'], 5 * unit)
      await setsOf(context).add('b', ['x'])
      await elapse(unit)
      await setsOf(context).add('a', ['y'])
      await lives(context, 'a', 4 * unit)
      same(await backend.timeLeft('b'), FOREVER)
    }),
    check('a set ends with its lifetime', async (context) => {
      const { elapse, unit } = context
      await setsOf(context).add('a', ['x'], unit)
      await elapse(1.5 * unit)
      same(await setsOf(context).pop('a', 10), [])
    }),
    check('remove answers how many members were there', async (context) => {
      await setsOf(context).add('a', ['x', 'y', 'z'])
      same(await setsOf(context).remove('a', ['x', 'absent', 'z', 'x']), 2)
      same(await setsOf(context).pop('a', 10), ['y'])
    }),
    check('remove and pop leave a set the lifetime it has', async (context) => {
      const { unit } = context
      await setsOf(context).add('a', ['x', 'y', 'z'], 5 * unit)
      await setsOf(context).remove('a', ['x'])
      await setsOf(context).pop('a', 1)
      await lives(context, 'a', 5 * unit)
    }),
    check('pop removes and answers up to count members', async (context) => {
      await setsOf(context).add('a', ['x', 'y', 'z'])
      const first = await setsOf(context).pop('a', 2)
      const rest = await setsOf(context).pop('a', 2)
      same([first.length, rest.length], [2, 1])
      same([...first, ...rest].sort(), ['x', 'y', 'z'])
      same(await setsOf(context).pop('a', 2), [])
    }),
    check('pop of no members answers none', async (context) => {
      await setsOf(context).add('a', ['x'])
      same(await setsOf(context).pop('a', 0), [])
      same(await setsOf(context).pop('a', 10), ['x'])
    }),
    check('a set that becomes empty is an absent key', async (context) => {
      const { backend } = context
      await setsOf(context).add('a', ['x'])
      await setsOf(context).remove('a', ['x'])
      await setsOf(context).add('b', ['x'])
      await setsOf(context).pop('b', 10)
      await setsOf(context).add('c', [])
      same([await backend.exists('a'), await backend.exists('b'), await backend.exists('c')], [false, false, false])
      same(await backend.count(), 0)
    }),
    check('a set that was never there is not made by remove or pop', async (context) => {
      same([await setsOf(context).remove('a', ['x']), await setsOf(context).pop('a', 1)], [0, []])
      same(await context.backend.exists('a'), false)
    }),
    ...otherKindChecks({
      needs: 'sets',
      noun: 'a set',
      write: async (context, key) => setsOf(context).add(key, [`member ${Math.random()}`]),
      fill: async (context, key) => setsOf(context).add(key, ['x', 'y']),
      items: ['x', 'y'],
      commands: [
        (context, key) => setsOf(context).add(key, ['x']),
        (context, key) => setsOf(context).remove(key, ['x']),
        (context, key) => setsOf(context).pop(key, 1),
      ],
    }),
  ],
}

import { FOREVER, lives, missing, same } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

/** Writes with a condition, and what `delete` and `exists` answer. */
export const conditions: CheckGroup = {
  name: 'conditions',
  checks: [
    {
      title: 'set answers true',
      async run({ backend }) {
        same([await backend.set('a', 1, FOREVER), await backend.set('a', 2, FOREVER)], [true, true])
      },
    },
    {
      title: 'set with exists true writes only over a key that is there',
      async run({ backend }) {
        same(await backend.set('a', 1, FOREVER, true), false)
        missing(await backend.get('a'), 'a key that was not there')
        await backend.set('a', 1, FOREVER)
        same(await backend.set('a', 2, FOREVER, true), true)
        same(await backend.get('a'), 2)
      },
    },
    {
      title: 'set with exists false writes only where there is no key',
      async run({ backend }) {
        same(await backend.set('a', 1, FOREVER, false), true)
        same(await backend.set('a', 2, FOREVER, false), false)
        same(await backend.get('a'), 1)
        await backend.delete('a')
        same(await backend.set('a', 3, FOREVER, false), true)
        same(await backend.get('a'), 3)
      },
    },
    {
      title: 'a write that was refused leaves the lifetime as it is',
      async run(context) {
        const { backend, unit } = context
        await backend.set('a', 1, 5 * unit)
        same(await backend.set('a', 2, FOREVER, false), false)
        await lives(context, 'a', 5 * unit)
      },
    },
    {
      title: 'a write under a condition replaces the lifetime',
      async run(context) {
        const { backend, unit } = context
        await backend.set('a', 1, 5 * unit, false)
        await lives(context, 'a', 5 * unit)
        await backend.set('a', 2, 9 * unit, true)
        await lives(context, 'a', 9 * unit)
      },
    },
    {
      title: 'delete removes a key and answers whether it was there',
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        same([await backend.delete('a'), await backend.delete('a')], [true, false])
        missing(await backend.get('a'))
      },
    },
    {
      title: 'exists answers whether a key is there',
      async run({ backend }) {
        same(await backend.exists('a'), false)
        await backend.set('a', 1, FOREVER)
        same(await backend.exists('a'), true)
      },
    },
  ],
}

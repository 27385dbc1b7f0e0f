import { FOREVER, lives, refused, same } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

const NO_WHOLE_NUMBER = ['text', '5', '', 1.5, null, undefined, true, [1], { a: 1 }]

/** Counting. */
export const counter: CheckGroup = {
  name: 'counter',
  checks: [
    {
      title: 'incr adds a whole number of either sign and answers the sum',
      async run({ backend }) {
        await backend.incr('a', 1, FOREVER)
        same(await backend.incr('a', 5, FOREVER), 6)
        same(await backend.incr('a', -10, FOREVER), -4)
        same(await backend.incr('a', 0, FOREVER), -4)
      },
    },
    {
      title: 'incr counts an absent key as 0',
      async run({ backend }) {
        same(await backend.incr('a', 7, FOREVER), 7)
        same(await backend.incr('b', 0, FOREVER), 0)
        same(await backend.exists('b'), true)
      },
    },
    {
      title: 'incr gives an absent key its lifetime, whatever it adds',
      async run(context) {
        const { backend, unit } = context
        await backend.incr('a', 5, 3 * unit)
        await lives(context, 'a', 3 * unit)
      },
    },
    {
      title: 'incr leaves a key that is there the lifetime it has',
      async run(context) {
        const { backend, elapse, unit } = context
        await backend.incr('a', 1, 3 * unit)
        await backend.set('b', 1, FOREVER)
        await elapse(unit)
        await backend.incr('a', 1, 9 * unit)
        await backend.incr('b', 1, 9 * unit)
        await lives(context, 'a', 2 * unit)
        same(await backend.timeLeft('b'), FOREVER)
      },
    },
    {
      title: 'get reads a counter as a number',
      async run({ backend }) {
        await backend.incr('up', 3, FOREVER)
        await backend.incr('down', -3, FOREVER)
        same([await backend.get('up'), await backend.get('down')], [3, -3])
        same(await backend.getMany(['up', 'down']), [3, -3])
      },
    },
    {
      title: 'incr counts on from a number that was set',
      async run({ backend }) {
        await backend.set('a', 41, FOREVER)
        same(await backend.incr('a', 1, FOREVER), 42)
      },
    },
    {
      title: 'set replaces a counter',
      async run({ backend }) {
        await backend.incr('a', 3, FOREVER)
        await backend.set('a', 'text', FOREVER)
        same(await backend.get('a'), 'text')
      },
    },
    {
      title: 'incr counts further than 32 bits',
      async run({ backend }) {
        await backend.incr('a', 2 ** 32, FOREVER)
        same(await backend.incr('a', 2 ** 40, FOREVER), 2 ** 32 + 2 ** 40)
        same(await backend.get('a'), 2 ** 32 + 2 ** 40)
      },
    },
    {
      title: 'incr of a value that is not a whole number is a WrongTypeError',
      async run({ backend }) {
        for (const value of NO_WHOLE_NUMBER) {
          await backend.set('a', value, FOREVER)
          await refused(() => backend.incr('a', 1, FOREVER), 'CASHEWS_WRONG_TYPE', `incr of ${JSON.stringify(value)}`)
        }
      },
    },
    {
      title: 'incr beyond the safe whole numbers is a WrongTypeError, and the counter stays as it is',
      async run({ backend }) {
        for (const sign of [1, -1]) {
          await backend.set('a', sign * Number.MAX_SAFE_INTEGER, FOREVER)
          await refused(() => backend.incr('a', sign, FOREVER), 'CASHEWS_WRONG_TYPE', 'incr beyond 2^53 - 1')
          same(await backend.get('a'), sign * Number.MAX_SAFE_INTEGER)
          same(await backend.incr('a', -sign, FOREVER), sign * (Number.MAX_SAFE_INTEGER - 1))
          await backend.set('a', sign * 2 ** 53, FOREVER)
          await refused(() => backend.incr('a', -9 * sign, FOREVER), 'CASHEWS_WRONG_TYPE', 'incr from beyond 2^53 - 1')
        }
      },
    },
    {
      title: 'a value that incr refuses stays as it is',
      async run(context) {
        const { backend, unit } = context
        await backend.set('a', 'text', 5 * unit)
        await refused(() => backend.incr('a', 1, FOREVER), 'CASHEWS_WRONG_TYPE', 'incr of text')
        same(await backend.get('a'), 'text')
        await lives(context, 'a', 5 * unit)
      },
    },
  ],
}

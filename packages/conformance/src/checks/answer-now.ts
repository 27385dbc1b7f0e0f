import { type Backend, newSpot, type Spot } from '@cashews/core'
import { FOREVER, same, truth } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

/** Asserts that `answerNow`, without a spot and with one, answers what `get` does, or `undefined`. */
async function agree(backend: Backend, spot: Spot, when: string): Promise<void> {
  for (const promise of [backend.answerNow?.(spot.key), backend.answerNow?.(spot.key, spot)]) {
    if (promise === undefined) continue
    truth(promise instanceof Promise, `answerNow answered no promise, ${when}`)
    same(await promise, await backend.get(spot.key), when)
  }
}

/** Values that a store answers at once, in a promise. */
export const answerNow: CheckGroup = {
  name: 'answerNow',
  checks: [
    {
      title: 'answerNow answers in a promise what get would, or undefined',
      needs: ['answerNow'],
      async run({ backend }) {
        same(backend.answerNow?.('absent', newSpot('absent')), undefined, 'an absent key')
        for (const value of [undefined, null, 0, 'text', { a: [1] }]) {
          await backend.set('a', value, FOREVER)
          const spot = newSpot('a')
          for (let time = 1; time <= 3; time++) {
            await agree(backend, spot, `${time} times`)
            await backend.get('a')
          }
        }
        if (!backend.sets) return
        await backend.delete('a')
        await backend.sets.add('a', ['member'])
        same(backend.answerNow?.('a', newSpot('a')), undefined, 'a set')
      },
    },
    {
      title: 'answerNow never answers an old value, whatever it noted in the spot',
      needs: ['answerNow'],
      async run({ backend, elapse, unit }) {
        const spot = newSpot('a')
        const read = async () => {
          await backend.get('a')
          await agree(backend, spot, 'while it is there')
        }
        await backend.set('a', 1, FOREVER)
        await read()
        await backend.set('a', 2, FOREVER)
        await agree(backend, spot, 'after it was replaced')
        await read()
        await backend.incr('a', 1, FOREVER)
        await agree(backend, spot, 'after incr')
        await read()
        await backend.delete('a')
        await backend.set('b', 'another', FOREVER)
        same(backend.answerNow?.('a', spot), undefined, 'after it was deleted and another key written')
        await backend.set('a', 3, unit)
        await read()
        await elapse(1.5 * unit)
        same(backend.answerNow?.('a', spot), undefined, 'after it expired')
        await backend.set('a', 4, FOREVER)
        await read()
        await backend.clear()
        same(backend.answerNow?.('a', spot), undefined, 'after clear')
      },
    },
    {
      title: 'answerNow ignores what another store noted in the spot',
      needs: ['answerNow'],
      async run({ backend, create }) {
        const other = await create()
        await other.open({ removed() {}, error() {} })
        await backend.set('a', 1, FOREVER)
        await other.set('b', 2, FOREVER)
        const spot = newSpot('b')
        for (let time = 0; time < 2; time++) {
          await backend.get('a')
          await other.get('b')
          backend.answerNow?.('a', newSpot('a'))
          await agree(other, spot, 'in the store that noted it')
          const answer = backend.answerNow?.('b', spot)
          if (answer !== undefined) same(await answer, await backend.get('b'), 'in the other store')
        }
      },
    },
  ],
}

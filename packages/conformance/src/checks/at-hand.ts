import { type Backend, MISS, type Spot } from '@cashews/core'
import { FOREVER, missing, same, truth } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

const newSpot = (key: string): Spot => ({ key, store: undefined, at: 0 })

/** Asks for the value at hand, which must be the one that `get` answers, or none. */
async function agree({ get, answerNow }: Bound, spot: Spot, when: string): Promise<void> {
  for (const promise of [answerNow(spot.key), answerNow(spot.key, spot)]) {
    if (promise === undefined) continue
    truth(promise instanceof Promise, `answerNow answered no promise, ${when}`)
    same(await promise, await get(spot.key), when)
  }
}

interface Bound {
  get(key: string): unknown
  answerNow(key: string, spot?: Spot): Promise<unknown> | undefined
}

const bound = (backend: Backend): Bound => ({
  get: (key) => backend.get(key),
  answerNow: (key, spot) => backend.answerNow?.(key, spot),
})

/** Answers that need no waiting, where a store has them. */
export const atHand: CheckGroup = {
  name: 'at hand',
  checks: [
    {
      title: 'usage tells at once how many keys the store holds',
      needs: ['usage'],
      async run({ backend }) {
        const entries = () => backend.usage?.().entries
        same(entries(), 0, 'an empty store')
        await backend.set('a', [1], FOREVER)
        await backend.set('b', [2], FOREVER)
        await backend.set('a', [3], FOREVER)
        same(entries(), 2)
        await backend.delete('a')
        same(entries(), 1)
        const bytes = backend.usage?.().bytes ?? 1
        truth(bytes > 0, `usage answered ${bytes} bytes for a key`)
      },
    },
    {
      title: 'getNow answers at once, and nothing that get would not',
      needs: ['getNow'],
      async run({ backend, elapse, unit }) {
        const now = (key: string) => backend.getNow?.(key)
        missing(now('absent'), 'an absent key')
        await backend.set('a', [1], 2 * unit)
        await backend.get('a')
        const found = now('a')
        truth(!(found instanceof Promise), 'getNow answered a promise')
        if (found !== MISS) same(found, [1])
        await backend.set('a', [2], 2 * unit)
        if (now('a') !== MISS) same(now('a'), [2])
        await elapse(2.5 * unit)
        missing(now('a'), 'an expired key')
        await backend.set('a', [3], FOREVER)
        await backend.get('a')
        await backend.delete('a')
        missing(now('a'), 'a deleted key')
        if (!backend.sets) return
        await backend.sets.add('a', ['member'])
        missing(now('a'), 'a set')
      },
    },
    {
      title: 'answerNow answers in a promise what get would, or undefined',
      needs: ['answerNow'],
      async run({ backend }) {
        const { get, answerNow } = bound(backend)
        same(answerNow('absent', newSpot('absent')), undefined, 'an absent key')
        for (const value of [undefined, null, 0, 'text', { a: [1] }]) {
          await backend.set('a', value, FOREVER)
          const spot = newSpot('a')
          for (let time = 1; time <= 3; time++) {
            await agree({ get, answerNow }, spot, `${time} times`)
            await get('a')
          }
        }
        if (!backend.sets) return
        await backend.delete('a')
        await backend.sets.add('a', ['member'])
        same(answerNow('a', newSpot('a')), undefined, 'a set')
      },
    },
    {
      title: 'answerNow answers nothing old, whatever it noted in the spot',
      needs: ['answerNow'],
      async run({ backend, elapse, unit }) {
        const { get, answerNow } = bound(backend)
        const spot = newSpot('a')
        const read = async () => {
          await get('a')
          await agree({ get, answerNow }, spot, 'while it is there')
        }
        await backend.set('a', 1, FOREVER)
        await read()
        await backend.set('a', 2, FOREVER)
        await agree({ get, answerNow }, spot, 'after it was replaced')
        await read()
        await backend.incr('a', 1, FOREVER)
        await agree({ get, answerNow }, spot, 'after incr')
        await read()
        await backend.delete('a')
        await backend.set('b', 'another', FOREVER)
        same(answerNow('a', spot), undefined, 'after it was deleted and another key written')
        await backend.set('a', 3, unit)
        await read()
        await elapse(1.5 * unit)
        same(answerNow('a', spot), undefined, 'after it expired')
        await backend.set('a', 4, FOREVER)
        await read()
        await backend.clear()
        same(answerNow('a', spot), undefined, 'after clear')
      },
    },
    {
      title: 'getFor tells an asker once what get would answer',
      needs: ['getFor'],
      async run({ backend }) {
        const told: unknown[] = []
        const ask = (key: string) =>
          new Promise<unknown>((found, failed) => {
            backend.getFor?.(key, {
              found(value) {
                told.push(key)
                found(value)
              },
              failed,
            })
          })
        await backend.set('a', { a: [1] }, FOREVER)
        await backend.set('b', undefined, FOREVER)
        const found = await Promise.all([ask('a'), ask('absent'), ask('b'), backend.get('a')])
        same(found, [{ a: [1] }, MISS, undefined, { a: [1] }])
        same(told.toSorted(), ['a', 'absent', 'b'], 'told once')
        if (!backend.sets) return
        await backend.sets.add('c', ['member'])
        missing(await ask('c'), 'a set')
      },
    },
    {
      title: 'bits at hand are those that get answers, or none',
      needs: ['bitsNow'],
      async run({ backend, elapse, unit }) {
        const { bits } = backend
        if (!bits) return
        const asked = [0, 3, 9, 100_000]
        const agreed = async (when: string) => {
          const reader = bits.now?.('a')
          if (reader === undefined) return
          const found = asked.map((index) => reader.bit(index))
          same(found, await bits.get('a', asked, 1), when)
        }
        await bits.incr('a', [3], 1, 1)
        await agreed('after the first write')
        await bits.incr('a', [9, 100_000], 1, 1)
        await agreed('after another')
        await backend.expire('a', unit)
        await elapse(1.5 * unit)
        await agreed('after it expired')
        await bits.incr('a', [0], 1, 1)
        await agreed('after it began anew')
        await backend.delete('a')
        await agreed('after it was deleted')
        await backend.set('a', 'text', FOREVER)
        same(bits.now?.('a'), undefined, 'a value')
      },
    },
    {
      title: 'answerNow makes nothing of what another store noted in the spot',
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
          await agree(bound(other), spot, 'in the store that noted it')
          const answer = backend.answerNow?.('b', spot)
          if (answer !== undefined) same(await answer, await backend.get('b'), 'in the other store')
        }
      },
    },
    {
      title: 'get answers what the key holds now, whatever it noted in the spot',
      async run({ backend, elapse, unit }) {
        const spot = newSpot('a')
        const get = async () => backend.get('a', spot)
        missing(await get(), 'an absent key')
        await backend.set('a', 1, FOREVER)
        same(await get(), 1, 'a new key')
        same(await get(), 1, 'a key that it noted')
        await backend.set('a', 2, FOREVER)
        same(await get(), 2, 'after it was replaced')
        await backend.delete('a')
        await backend.set('b', 'another', FOREVER)
        missing(await get(), 'after it was deleted and another key written')
        await backend.set('a', 3, unit)
        same(await get(), 3, 'after it was written again')
        await elapse(1.5 * unit)
        missing(await get(), 'after it expired')
        await backend.set('a', 4, FOREVER)
        same(await get(), 4, 'after it began anew')
        await backend.clear()
        missing(await get(), 'after clear')
      },
    },
    {
      title: 'incr adds to what the key holds now, whatever it noted in the spot',
      async run({ backend, elapse, unit }) {
        const spot = newSpot('a')
        const add = (lifetime: number) => backend.incr('a', 1, lifetime, spot)
        same(await add(FOREVER), 1, 'a new counter')
        same(await add(FOREVER), 2, 'a counter that it noted')
        await backend.set('a', 10, FOREVER)
        same(await add(FOREVER), 11, 'after it was replaced')
        await backend.delete('a')
        await backend.set('b', 20, FOREVER)
        same(await add(FOREVER), 1, 'after it was deleted and another key written')
        same(await backend.get('b'), 20, 'the other key')
        await backend.delete('a')
        await add(unit)
        await elapse(1.5 * unit)
        same(await add(FOREVER), 1, 'after it expired')
        await backend.clear()
        same(await add(FOREVER), 1, 'after clear')
        same(await backend.get('a'), 1)
      },
    },
  ],
}

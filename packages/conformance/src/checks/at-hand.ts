import { MISS } from '@cashews/core'
import { FOREVER, missing, same, truth } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

/** Members that answer at once, where a store has them. */
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
      title: 'now answers the bits that get does, or undefined',
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
  ],
}

import { same } from '../assertions.ts'
import type { Check, CheckContext, CheckGroup } from '../check.ts'
import { groupOf } from '../group-of.ts'
import { otherKindChecks } from './other-kind.ts'

const bitsOf = (context: CheckContext) => groupOf(context, 'bits')
const check = (title: string, run: Check['run']): Check => ({ title, needs: ['bits'], run })

/** Fields of bits, each a small counter. */
export const bits: CheckGroup = {
  name: 'bits',
  checks: [
    check('a field never written is 0', async (context) => {
      same(await bitsOf(context).get('a', [0, 7, 100_000], 1), [0, 0, 0])
      await bitsOf(context).incr('a', [3], 4, 5)
      same(await bitsOf(context).get('a', [0, 2, 4, 100_000], 4), [0, 0, 0, 0])
    }),
    check('bits answers fields in the order asked', async (context) => {
      await bitsOf(context).incr('a', [1], 8, 11)
      await bitsOf(context).incr('a', [5], 8, 55)
      same(await bitsOf(context).get('a', [5, 0, 1, 5], 8), [55, 0, 11, 55])
    }),
    check('bits adds to each field, and answers their new values', async (context) => {
      same(await bitsOf(context).incr('a', [0, 9], 5, 3), [3, 3])
      same(await bitsOf(context).incr('a', [9, 4], 5, 2), [5, 2])
      same(await bitsOf(context).incr('a', [9], 5, -4), [1])
      same(await bitsOf(context).get('a', [0, 4, 9], 5), [3, 2, 1])
    }),
    check('bits adds to a field named twice, one after another', async (context) => {
      same(await bitsOf(context).incr('a', [2, 2], 8, 3), [3, 6])
    }),
    check('a field stops at the most its size can hold', async (context) => {
      same(await bitsOf(context).incr('a', [1], 3, 100), [7])
      same(await bitsOf(context).incr('a', [1], 3, 1), [7])
      same(await bitsOf(context).get('a', [0, 1, 2], 3), [0, 7, 0])
    }),
    check('a field stops at 0', async (context) => {
      same(await bitsOf(context).incr('a', [1], 3, -1), [0])
      await bitsOf(context).incr('a', [1], 3, 2)
      same(await bitsOf(context).incr('a', [1], 3, -100), [0])
    }),
    check('fields may be of 1, 15, 32 and 48 bits', async (context) => {
      for (const size of [1, 15, 32, 48]) {
        const most = 2 ** size - 1
        same(await bitsOf(context).incr(`a${size}`, [0, 2], size, most), [most, most])
        same(await bitsOf(context).get(`a${size}`, [0, 1, 2, 3], size), [most, 0, most, 0])
      }
    }),
    check('bits may be far apart', async (context) => {
      await bitsOf(context).incr('a', [0, 80_000], 1, 1)
      same(await bitsOf(context).get('a', [0, 1, 79_999, 80_000, 80_001], 1), [1, 0, 0, 1, 0])
    }),
    ...otherKindChecks({
      needs: 'bits',
      noun: 'bits',
      write: async (context, key) => bitsOf(context).incr(key, [1], 8, 1),
      fill: async (context, key) => bitsOf(context).incr(key, [1, 2], 8, 9),
      items: [0, 9, 9],
      commands: [
        (context, key) => bitsOf(context).get(key, [1], 1),
        (context, key) => bitsOf(context).incr(key, [1], 1, 1),
      ],
    }),
  ],
}

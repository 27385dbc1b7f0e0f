import { createCache } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { stores } from './support/backends.ts'
import { anomalyOf, type Deed, makeHistory, NOBODY } from './support/history.ts'
import { PATIENT } from './support/patience.ts'

const deed = (id: string, reads: Deed['reads'], ...written: readonly string[]): Deed => ({
  id,
  reads,
  writes: Object.fromEntries(written.map((key) => [key, id])),
})

describe('the checker of histories', () => {
  it('accepts a serializable history', () => {
    expect(
      anomalyOf([
        deed('1', { a: NOBODY, b: NOBODY }, 'a'),
        deed('3', { a: '1', b: '2' }, 'b'),
        deed('2', { b: NOBODY, a: '1' }, 'b'),
      ]),
    ).toBe(undefined)
  })

  it('finds a lost update, a write skew and a dirty read', () => {
    expect(anomalyOf([deed('1', { a: NOBODY }, 'a'), deed('2', { a: NOBODY }, 'a')])).toContain('lost update')
    const skew = [deed('1', { a: NOBODY, b: NOBODY }, 'a'), deed('2', { a: NOBODY, b: NOBODY }, 'b')]
    expect(anomalyOf(skew)).toContain('a ring')
    expect(anomalyOf([deed('1', { a: 'gone' })])).toContain('nobody has committed')
  })
})

describe.each(stores)('random transactions on $name', ({ create }) => {
  it.each(['locked', 'serializable'] as const)('are serializable when they are %s', async (mode) => {
    const cache = createCache().setup(create(), PATIENT)
    const keys = ['a', 'b', 'c', 'd', 'e']
    const histories = await Promise.all(
      Array.from({ length: 6 }, (_, at) => makeHistory(cache, `${at}`, { keys, runs: 30, mode })),
    )
    const deeds = histories.flat()
    expect(anomalyOf(deeds)).toBe(undefined)
    expect(deeds).toHaveLength(180)
    await cache.close()
  })
})

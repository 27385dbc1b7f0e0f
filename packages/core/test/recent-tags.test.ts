import { expect, it } from 'vitest'
import { RecentTags } from '../src/defaults/tags/recent-tags.ts'

/** How many keys are remembered at least. */
const GENERATION = 8_192

const keysFrom = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `key:${from + at}`)

function remembering(...keys: readonly string[]): RecentTags {
  const recent = new RecentTags((tags) => ({ tags }))
  for (const key of keys) recent.note(key, [`tag of ${key}`])
  return recent
}

it('the tags of the last 8,192 keys are remembered, and of no more than twice as many', () => {
  const recent = remembering(...keysFrom(0, 3 * GENERATION))
  const known = keysFrom(0, 3 * GENERATION).filter((key) => recent.get(key) !== undefined)
  expect(known.slice(-GENERATION)).toEqual(keysFrom(2 * GENERATION, 3 * GENERATION))
  expect(known.length).toBeLessThanOrEqual(2 * GENERATION)
})

it('the tags of a key that is asked for are remembered for longer', () => {
  const recent = remembering(...keysFrom(0, GENERATION + 1))
  expect(recent.get('key:0')?.tags).toEqual(['tag of key:0'])
  for (const key of keysFrom(GENERATION + 1, 2 * GENERATION)) recent.note(key, [])
  expect(recent.get('key:0')?.tags).toEqual(['tag of key:0'])
  expect(recent.get('key:1')).toBeUndefined()
})

import { expect, it } from 'vitest'
import { AdmissionWindow } from '../src/entries/admission-window.ts'

/** Lets a window for 10 entries see 40 requests. */
function look(window: AdmissionWindow, hits: number): number {
  window.hits += hits
  for (let miss = hits; miss < 40; miss++) window.miss(10)
  return window.share
}

it('continues in one direction as long as hits become more frequent, and otherwise turns back', () => {
  const window = new AdmissionWindow()
  const shares = [10, 12, 11, 12, 12, 13].map((hits) => look(window, hits))
  expect(shares).toEqual([0.35, 0.4, 0.35, 0.3, 0.35, 0.4].map((share) => expect.closeTo(share, 9)))
})

it.each([
  ['no more than four fifths', 1, 0.8],
  ['no less than a twentieth', 0, 0.05],
])('is %s of the entries', (_, first, share) => {
  const window = new AdmissionWindow()
  for (let hits = first; hits < 30; hits++) look(window, hits)
  expect(window.share).toBe(share)
})

import { runInNewContext } from 'node:vm'
import { sizeOf } from '@cashews/core'
import { describe, expect, it } from 'vitest'

describe('sizeOf', () => {
  it('grows with text, binary data and the number of items', () => {
    expect(sizeOf('x'.repeat(1_000)) - sizeOf('')).toBe(2_000)
    expect(sizeOf(new Uint8Array(1_000)) - sizeOf(new Uint8Array(0))).toBe(1_000)
    expect(sizeOf(new ArrayBuffer(1_000))).toBeGreaterThanOrEqual(1_000)
    for (const make of [
      (items: number[]) => items,
      (items: number[]) => new Set(items),
      (items: number[]) => new Map(items.map((item) => [item, item])),
      (items: number[]) => Object.fromEntries(items.map((item) => [item, item])),
    ])
      expect(sizeOf(make([1, 2, 3, 4]))).toBeGreaterThan(sizeOf(make([1])))
  })

  it('is the same for Maps and Sets of another realm', () => {
    for (const code of ['new Map([["a", "text"], ["b", new Set([1, 2])]])', 'new Set(["a", [1, 2]])'])
      expect(sizeOf(runInNewContext(code))).toBe(sizeOf(new Function(`return ${code}`)()))
  })

  it('counts shared parts once, and copes with cycles', () => {
    const shared = 'x'.repeat(10).split('')
    expect(sizeOf([shared, shared])).toBeLessThan(2 * sizeOf([shared]))
    const circle: unknown[] = []
    circle.push(circle)
    expect(sizeOf(circle)).toBeLessThan(100)
  })

  it('is a finite number for anything', () => {
    for (const value of [undefined, null, true, 1, 10n ** 100n, Symbol(), () => 1, new Date(), Number.NaN])
      expect(sizeOf(value)).toBeGreaterThan(0)
  })
})

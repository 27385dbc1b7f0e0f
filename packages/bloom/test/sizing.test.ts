import { sizingOf } from '@cashews/bloom'
import { ConfigurationError } from '@cashews/core'
import { describe, expect, it } from 'vitest'

describe('the size of a filter', () => {
  it.each([
    [1_000, 1, 9_586, 7],
    [10_000, 1, 95_851, 7],
    [1_000_000, 0.1, 14_377_588, 10],
    [1, 50, 2, 1],
  ])('for %i elements and %f %% is %i bits and %i hashes', (capacity, falsePositives, bits, hashes) => {
    expect(sizingOf({ capacity, falsePositives })).toEqual({ bits, hashes, parts: 1 })
  })

  it('has at least one hash, and the rate that was asked for', () => {
    const { bits, hashes } = sizingOf({ capacity: 1_000, falsePositives: 90 })
    expect(hashes).toBe(1)
    expect(1 - Math.exp(-1_000 / bits)).toBeCloseTo(0.9, 2)
  })

  it('is split over keys of at most the given size', () => {
    const { bits, parts } = sizingOf({ capacity: 1_000_000_000 })
    expect(parts).toBe(5)
    expect(bits / 8).toBeLessThanOrEqual(2 ** 28)
    expect(bits * parts).toBeGreaterThanOrEqual(9_585_058_378)
    expect(sizingOf({ capacity: 10_000, maxKeyBytes: 1_024 }).parts).toBe(13)
  })

  it.each([
    [{ capacity: 0 }, 'at least 1 element, not 0'],
    [{ capacity: 1.5 }, 'at least 1 element, not 1.5'],
    [{ capacity: Number.NaN }, 'at least 1 element, not NaN'],
    [{ capacity: 10, falsePositives: 0 }, 'between 0 and 100'],
    [{ capacity: 10, falsePositives: 100 }, 'between 0 and 100'],
    [{ capacity: 10, falsePositives: Number.NaN }, 'between 0 and 100'],
    [{ capacity: 10, falsePositives: '0.1' as never }, "such as 1, not '0.1'."],
    [{ capacity: 10, maxKeyBytes: '1024' as never }, "not '1024'."],
    [{ capacity: 10, maxKeyBytes: 2 ** 29 }, 'maxKeyBytes must be from 128 to 268435456'],
  ])('refuses %j', (options, message) => {
    expect(() => sizingOf(options)).toThrow(ConfigurationError)
    expect(() => sizingOf(options)).toThrow(message)
  })
})

import { describeBackend, handClock, reference } from '@cashews/conformance'
import { CommandError, completeBackend, createCache, type Expectation, keyOfLock, type Write } from '@cashews/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { JsonStore } from './support/json-store.ts'

const clock = handClock()
describeBackend('reference', () => reference({ clock }), { elapse: clock.elapse })
describe('by the clock of the system', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())
  describeBackend('reference', () => reference(), {
    elapse: (duration) => void vi.setSystemTime(Date.now() + duration),
  })
})

describeBackend('required members, JSON only', () => completeBackend(new JsonStore(clock)), {
  elapse: clock.elapse,
  without: ['structured', 'expired'],
})

const untagged = () => completeBackend(Object.assign(new JsonStore(clock), { tags: false as const }))
describeBackend('required members, JSON only, no tags', untagged, {
  elapse: clock.elapse,
  without: ['structured', 'expired', 'tags'],
})

const LOCK = '\0lock\0'
const placeOf = (key: string) => (key.startsWith(LOCK) ? keyOfLock(key.slice(LOCK.length)) : key)

/** Each key is on a server of its own, together with its locks. */
class ScatteredStore extends JsonStore {
  override apply(expectations: readonly Expectation[], writes: readonly Write[]): boolean {
    const keys = new Set([...expectations, ...writes].map(({ key }) => placeOf(key)))
    if (keys.size > 1) throw new CommandError(`No server has all of ${[...keys].join(', ')}.`)
    return super.apply(expectations, writes)
  }
}
describeBackend('required members, JSON only, on many servers', () => completeBackend(new ScatteredStore(clock)), {
  elapse: clock.elapse,
  without: ['structured', 'expired', 'severalKeys'],
})

describe('reference', () => {
  it('is a driver', async () => {
    const cache = createCache({ drivers: [reference] })
    cache.setup('ref://')
    await cache.set('a', 1, { ttl: 60 })
    expect(await cache.get('a')).toBe(1)
    await cache.close()
  })

  it('names the option it does not know', () => {
    expect(() => reference.fromUrl('ref://?size=1')).toThrow('size')
  })

  it('refuses what is not a clock, and options it does not have', () => {
    expect(() => reference({ clock: 5 } as never)).toThrow('clock must be an object with a method now(), not 5.')
    expect(() => reference({ size: 1 } as never)).toThrow('reference takes the options { clock }, not size.')
    expect(() => reference(null as never)).toThrow('reference takes the options { clock }, not null.')
  })

  it('answers later, as a real store does', () => {
    expect(reference().get('a')).toBeInstanceOf(Promise)
  })
})

import { describeBackend, handClock, reference } from '@cashews/conformance'
import { createCache } from '@cashews/core'
import { describe, expect, it } from 'vitest'

const clock = handClock()
describeBackend('reference', () => reference({ clock }), { elapse: clock.elapse })
describeBackend('reference, in real time', () => reference())

describe('reference', () => {
  it('is a driver', async () => {
    const cache = createCache({ drivers: [reference] })
    cache.setup('ref://')
    await cache.set('a', 1, { ttl: 60 })
    expect(await cache.get('a')).toBe(1)
    await cache.close()
  })

  it('names the options it knows, which are none', () => {
    expect(() => reference.fromUrl('ref://?size=1')).toThrow('size')
  })
})

import { newSpot } from '@cashews/core'
import { FOREVER, missing, same } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

/** Commands that are given a spot, in which the store may note where it found the key. */
export const spots: CheckGroup = {
  name: 'spots',
  checks: [
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

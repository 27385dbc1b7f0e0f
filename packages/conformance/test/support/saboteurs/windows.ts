import { MISS } from '@cashews/core'
import { FOREVER, otherKind, type Saboteur } from './tools.ts'

export const windows: Readonly<Record<string, Saboteur>> = {
  'a window answers how many events it holds now': (store) => ({
    windows: {
      async incr(...args) {
        const found = await store.windows.incr(...args)
        return { ...found, count: found.count - 1 }
      },
    },
  }),
  'a window forgets events before its start, and keeps one at its start': (store) => ({
    windows: {
      incr: (key, slice) => store.windows.incr(key, 'start' in slice ? { ...slice, start: slice.start + 1 } : slice),
    },
  }),
  'a window never counts an event again that it has forgotten': () => {
    const events: number[] = []
    return {
      windows: {
        incr(_, slice) {
          if (!('start' in slice)) throw new Error('not asked by this check')
          const left = events.filter((event) => event >= slice.start).length
          const added = left < slice.max
          if (added) events.push(slice.end)
          return { count: Math.min(left + 1, Math.max(left, slice.max)), added, age: 0 }
        },
      },
    }
  },
  'a window adds nothing when max events are left': (store) => ({
    windows: {
      async incr(key, slice) {
        const found = await store.windows.incr(key, { ...slice, max: FOREVER })
        return { ...found, count: Math.min(slice.max, found.count) }
      },
    },
  }),
  'a window tells whether it added the event': (store) => ({
    windows: { incr: async (...args) => ({ ...(await store.windows.incr(...args)), added: true }) },
  }),
  'a window tells how long ago its oldest event happened, 0 when that is the one just added': (store) => ({
    windows: {
      async incr(key, slice) {
        const found = await store.windows.incr(key, slice)
        return { ...found, age: 'end' in slice && found.age > 0 ? slice.end : found.age }
      },
    },
  }),
  'a window of a period counts events by the clock of the store': (store, clock) => {
    const started = clock.now()
    return {
      windows: {
        incr: (key, slice) =>
          'period' in slice
            ? store.windows.incr(key, { ...slice, start: started - slice.period, end: started })
            : store.windows.incr(key, slice),
      },
    }
  },
  'a window of a period forgets an event when the period has passed, and not before': (store) => ({
    windows: {
      incr: (key, slice) => store.windows.incr(key, 'period' in slice ? { ...slice, period: slice.period + 1 } : slice),
    },
  }),
  'a window counts events at the same instant separately': () => {
    const events = new Set<number>()
    return {
      windows: {
        incr: (_, slice) => ({ count: events.add('end' in slice ? slice.end : 0).size, added: true, age: 0 }),
      },
    }
  },
  'a window counts instants as large as those of a clock, to the fraction': (store) => ({
    windows: {
      incr: (key, slice) =>
        store.windows.incr(
          key,
          'start' in slice ? { ...slice, start: Math.floor(slice.start), end: Math.floor(slice.end) } : slice,
        ),
    },
  }),
  'a window renews its lifetime when it adds an event': (store) => ({
    windows: {
      async incr(key, slice) {
        const timeLeft = await store.timeLeft(key)
        return store.windows.incr(key, { ...slice, lifetime: timeLeft === MISS ? slice.lifetime : timeLeft })
      },
    },
  }),
  'a window leaves its lifetime as it is when it adds nothing': (store) => ({
    windows: {
      async incr(key, slice) {
        const count = await store.windows.incr(key, slice)
        await store.expire(key, slice.lifetime)
        return count
      },
    },
  }),
  'a window ends with its lifetime': (store) => ({
    windows: { incr: (key, slice) => store.windows.incr(key, { ...slice, lifetime: FOREVER }) },
  }),
  ...otherKind('a window', 'windows'),
}

import { MISS } from '@cashews/core'
import { FOREVER, otherKind, type Saboteur } from './tools.ts'

export const windows: Readonly<Record<string, Saboteur>> = {
  'a window answers how many events it holds now': (store) => ({
    windows: { incr: async (...args) => (await store.windows.incr(...args)) - 1 },
  }),
  'a window forgets events before its start, and keeps one at its start': (store) => ({
    windows: { incr: (key, slice) => store.windows.incr(key, { ...slice, start: slice.start + 1 }) },
  }),
  'a window that forgot events does not remember them': () => {
    const events: number[] = []
    return {
      windows: {
        incr(_, { start, end, max }) {
          const left = events.filter((event) => event >= start).length
          if (left < max) events.push(end)
          return Math.min(left + 1, Math.max(left, max))
        },
      },
    }
  },
  'a window adds nothing when max events are left': (store) => ({
    windows: {
      incr: async (key, slice) => Math.min(slice.max, await store.windows.incr(key, { ...slice, max: FOREVER })),
    },
  }),
  'a window answers the negative count, if asked to, when nothing was added': (store) => ({
    windows: { incr: (key, { signed, ...slice }) => store.windows.incr(key, slice) },
  }),
  'a window counts events at the same instant separately': () => {
    const events = new Set<number>()
    return { windows: { incr: (_, { end }) => events.add(end).size } }
  },
  'a window counts instants as large as those of a clock, to the fraction': (store) => ({
    windows: {
      incr: (key, slice) =>
        store.windows.incr(key, { ...slice, start: Math.floor(slice.start), end: Math.floor(slice.end) }),
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

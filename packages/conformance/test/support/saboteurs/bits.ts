import { otherKind, type Saboteur } from './tools.ts'

export const bits: Readonly<Record<string, Saboteur>> = {
  'a field never written is 0': (store) => ({
    bits: { ...store.bits, get: async (...args) => (await store.bits.get(...args)).map((field) => field || -1) },
  }),
  'bits answers fields in the order asked': (store) => ({
    bits: { ...store.bits, get: (key, indexes, size) => store.bits.get(key, [...indexes].sort(), size) },
  }),
  'bits adds to each field, and answers their new values': (store) => ({
    bits: {
      ...store.bits,
      async incr(...args) {
        await store.bits.incr(...args)
        return args[1].map(() => args[3])
      },
    },
  }),
  'bits adds to a field named twice, one after another': (store) => ({
    bits: { ...store.bits, incr: (key, indexes, ...rest) => store.bits.incr(key, [...new Set(indexes)], ...rest) },
  }),
  'a field stops at the most its size can hold': (store) => ({
    bits: {
      ...store.bits,
      async incr(key, indexes, size, by) {
        const fields = await store.bits.get(key, indexes, size)
        const wrapped = fields.map((field) => (field + by + 2 ** size) % 2 ** size)
        for (const [at, index] of indexes.entries()) {
          await store.bits.incr(key, [index], size, Number(wrapped[at]) - Number(fields[at]))
        }
        return wrapped
      },
    },
  }),
  'a field stops at 0': (store) => ({
    bits: {
      ...store.bits,
      incr: async (key, indexes, size, by) =>
        (await store.bits.get(key, indexes, size)).some((field) => field + by < 0)
          ? store.bits.incr(key, indexes, size, 2 ** size)
          : store.bits.incr(key, indexes, size, by),
    },
  }),
  'fields may be of 1, 15, 32 and 48 bits': (store) => ({
    bits: { ...store.bits, incr: (key, indexes, size, by) => store.bits.incr(key, indexes, Math.min(size, 32), by) },
  }),
  'bits may be far apart': (store) => ({
    bits: {
      ...store.bits,
      incr: (key, indexes, ...rest) =>
        store.bits.incr(
          key,
          indexes.map((index) => index & 0xffff),
          ...rest,
        ),
    },
  }),
  ...otherKind('bits', 'bits'),
}

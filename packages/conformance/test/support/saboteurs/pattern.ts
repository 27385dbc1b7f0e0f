import { compileGlob } from '@cashews/core'
import { collect, regexp, type Saboteur, scanning } from './tools.ts'

export const pattern: Readonly<Record<string, Saboteur>> = {
  '* stands for any text, none and line breaks too': scanning(
    (pattern, key) => compileGlob(pattern)(key) && !key.includes('\n'),
  ),
  '? stands for one character': scanning((pattern, key) => compileGlob(pattern.replaceAll('?', '*'))(key)),
  '[a-z] stands for one character of a range or a list': scanning(
    (pattern, key) => compileGlob(pattern)(key) || pattern.replace(/\[\w-(\w)\]/, '$1') === key.replace('z', 'b'),
  ),
  '[^a-z] stands for one character that is not in a range': scanning((pattern, key) =>
    compileGlob(pattern.replace('[^', '['))(key),
  ),
  '\\ makes the next character stand for itself': scanning((pattern, key) =>
    compileGlob(pattern.replaceAll('\\', ''))(key),
  ),
  'characters that mean something elsewhere stand for themselves': scanning((pattern, key) =>
    regexp(pattern, key, (source) => source.replaceAll('*', '.*').replaceAll('?', '.')),
  ),
  'a pattern matches whole keys, and upper case is another letter': scanning((pattern, key) =>
    compileGlob(pattern.toLowerCase())(key.toLowerCase()),
  ),
  'scan yields each key once, whatever the batch size': (store) => ({
    async *scan(pattern, batchSize) {
      const keys = await collect(store.scan(pattern, batchSize))
      yield* keys
      yield* keys.slice(0, batchSize).slice(0, keys.length > 100 ? 1 : 0)
    },
  }),
  'scan may be left early, and goes on while keys are removed': (store) => ({
    async *scan(pattern, batchSize) {
      for (let offset = 0; ; offset += batchSize) {
        const page = (await collect(store.scan(pattern, batchSize))).slice(offset, offset + batchSize)
        yield* page
        if (page.length < batchSize) return
      }
    },
  }),
  'visit acts once on each key that scan yields, and yields the answers': (store) => ({
    async *visit(pattern, batchSize, act) {
      const keys = await collect(store.scan(pattern, batchSize))
      yield act(keys)
      yield act(keys.slice(0, 1))
    },
  }),
  'scan passes over keys that were removed': (store) => {
    const written = new Set<string>()
    return {
      set(key, ...rest) {
        written.add(key)
        return store.set(key, ...rest)
      },
      scan: (pattern) => [...written].filter(compileGlob(pattern)),
    }
  },
  'count answers how many keys scan would yield for *': (store) => ({ count: async () => (await store.count()) + 1 }),
  'deleteMatch removes the keys that scan yields, and answers how many': (store) => ({
    deleteMatch: (pattern) => (pattern.includes('*') ? store.deleteMatch(pattern) : store.deleteMany([pattern])),
  }),
  'deleteMatch removes many keys': (store) => ({
    deleteMatch: async (pattern) => store.deleteMany((await collect(store.scan(pattern, 100))).slice(0, 100)),
  }),
  'clear removes every key': (store) => ({
    async clear() {
      await store.deleteMatch('?')
    },
  }),
}

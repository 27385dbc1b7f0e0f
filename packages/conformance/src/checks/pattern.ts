import { FOREVER, keysOf, missing, same } from '../assertions.ts'
import type { Check, CheckGroup } from '../check.ts'

/** Writes keys, and asks which of them a pattern finds. */
function finds(title: string, keys: readonly string[], found: Readonly<Record<string, readonly string[]>>): Check {
  return {
    title,
    async run({ backend }) {
      for (const key of keys) await backend.set(key, 1, FOREVER)
      for (const [pattern, expected] of Object.entries(found)) {
        same(await keysOf(backend, pattern), [...expected].sort(), `scan of ${pattern}`)
      }
    },
  }
}

/** Finding keys. */
export const pattern: CheckGroup = {
  name: 'pattern',
  checks: [
    finds('* stands for any text, none and line breaks too', ['user:1', 'user:', 'user:a\nb', 'xuser:1', 'other'], {
      'user:*': ['user:1', 'user:', 'user:a\nb'],
      '*:1': ['user:1', 'xuser:1'],
      '*er:*': ['user:1', 'user:', 'user:a\nb', 'xuser:1'],
      '**': ['user:1', 'user:', 'user:a\nb', 'xuser:1', 'other'],
    }),
    finds('? stands for one character', ['ab', 'axb', 'axxb', 'a\nb'], { 'a?b': ['axb', 'a\nb'], 'a??b': ['axxb'] }),
    finds('[a-z] stands for one character of a range or a list', ['a1', 'b1', 'z1', 'A1', 'a', '-1'], {
      '[a-b]1': ['a1', 'b1'],
      '[az]1': ['a1', 'z1'],
      '[abA-C]1': ['a1', 'b1', 'A1'],
    }),
    finds('[^a-z] stands for one character that is not in a range', ['a1', 'b1', 'A1', '^1', '1'], {
      '[^a-z]1': ['A1', '^1'],
      '[^a]1': ['b1', 'A1', '^1'],
    }),
    finds('\\ makes the next character stand for itself', ['a*b', 'axb', 'a?b', 'a[x]b', 'a\\b'], {
      'a\\*b': ['a*b'],
      'a\\?b': ['a?b'],
      'a\\[x\\]b': ['a[x]b'],
      'a\\\\b': ['a\\b'],
    }),
    finds(
      'characters that mean something elsewhere stand for themselves',
      ['a.b', 'axb', 'a(b', 'a+', 'aa', '$a^', 'a|b', 'a%', 'a_', '{a,b}'],
      {
        'a.b': ['a.b'],
        'a(*': ['a(b'],
        'a+*': ['a+'],
        '*$a^': ['$a^'],
        'a|?': ['a|b'],
        '*%': ['a%'],
        '?_': ['a_'],
        '{a,b}*': ['{a,b}'],
      },
    ),
    finds('a pattern matches whole keys, and upper case is another letter', ['ab', 'abc', 'xab', 'AB'], {
      ab: ['ab'],
      'a?': ['ab'],
      '*B': ['AB'],
      '': [],
    }),
    {
      title: 'scan yields each key once, whatever the batch size',
      async run({ backend }) {
        const keys = Array.from({ length: 250 }, (_, at) => `key:${1_000 + at}`)
        await backend.setMany(
          keys.map((key) => [key, 1]),
          FOREVER,
        )
        for (const batchSize of [1, 10, 10_000]) same(await keysOf(backend, 'key:*', batchSize), keys)
      },
    },
    {
      title: 'scan may be left early, and goes on while keys are removed',
      async run({ backend }) {
        const keys = Array.from({ length: 30 }, (_, at) => `key:${10 + at}`)
        for (const key of keys) await backend.set(key, 1, FOREVER)
        for await (const _ of backend.scan('*', 2)) break
        for await (const key of backend.scan('*', 2)) await backend.delete(key)
        same(await keysOf(backend), [])
      },
    },
    {
      title: 'visit acts once on each key that scan yields, and yields the answers',
      needs: ['visit'],
      async run({ backend }) {
        const keys = Array.from({ length: 250 }, (_, at) => `key:${1_000 + at}`)
        for (const key of [...keys, 'other']) await backend.set(key, 1, FOREVER)
        const visited: string[] = []
        let answers = 0
        const act = async (some: readonly string[]) => visited.push(...some) && some.length
        for await (const answer of backend.visit?.('key:*', 10, act) ?? []) answers += answer
        same(visited.toSorted(), keys)
        same(answers, keys.length, 'the answers')
      },
    },
    {
      title: 'scan passes over keys that were removed',
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        await backend.set('b', 1, FOREVER)
        await backend.delete('a')
        same(await keysOf(backend), ['b'])
      },
    },
    {
      title: 'count answers how many keys scan would yield for *',
      async run({ backend }) {
        for (const key of ['a', 'b', 'c']) await backend.set(key, 1, FOREVER)
        same(await backend.count(), 3)
        await backend.delete('b')
        same(await backend.count(), 2)
      },
    },
    {
      title: 'deleteMatch removes the keys that scan yields, and answers how many',
      async run({ backend }) {
        for (const key of ['a:1:x', 'a:2:x', 'a:1:y', 'b:1:x', 'a.1.x']) await backend.set(key, 1, FOREVER)
        same(await backend.deleteMatch('a:?:[x]'), 2)
        same(await keysOf(backend), ['a.1.x', 'a:1:y', 'b:1:x'])
        same(await backend.deleteMatch('b:1:x'), 1)
        same(await backend.deleteMatch('nothing*'), 0)
      },
    },
    {
      title: 'deleteMatch removes many keys',
      async run({ backend }) {
        for (let at = 0; at < 350; at++) await backend.set(`key:${at}`, 1, FOREVER)
        await backend.set('other', 1, FOREVER)
        same(await backend.deleteMatch('key:*'), 350)
        same(await keysOf(backend), ['other'])
      },
    },
    {
      title: 'clear removes every key',
      async run({ backend }) {
        for (const key of ['a', 'b:c', '']) await backend.set(key, 1, FOREVER)
        await backend.clear()
        same(await keysOf(backend), [])
        missing(await backend.get('a'))
      },
    },
  ],
}

import { MISS } from '@cashews/core'
import { FOREVER, keysOf, lives, missing, same, snapshotOf } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'
import { check, put, tagsOf } from './under-tags.ts'

/** Writes with tags, and which tags a key has. */
export const tags: CheckGroup = {
  name: 'tags',
  checks: [
    check('set with tags writes the value with its lifetime, under the condition given', async (context) => {
      const { backend, unit } = context
      const { set } = tagsOf(backend)
      same(await set('a', 1, FOREVER, ['t'], { exists: true }), false)
      same(await set('a', { one: 1 }, 5 * unit, ['t'], { exists: false }), true)
      same(await set('a', 2, FOREVER, ['t'], { exists: false }), false)
      same(await backend.get('a'), { one: 1 })
      await lives(context, 'a', 5 * unit)
    }),
    check('a set without tags leaves a key without any', async (context) => {
      const { backend } = context
      await put(context, 'a', 1, 't')
      await put(context, 'b', 1, 't')
      await backend.set('a', 2, FOREVER)
      await backend.setMany([['b', 2]], FOREVER)
      await tagsOf(backend).delete(['t'])
      same(await backend.getMany(['a', 'b']), [2, 2])
      same(await tagsOf(backend).of('a'), [])
    }),
    check('the tags of a set replace those the key had', async (context) => {
      await put(context, 'a', 1, 't')
      await put(context, 'a', 2, 'u')
      await tagsOf(context.backend).delete(['t'])
      same(await context.backend.get('a'), 2)
      same(await tagsOf(context.backend).of('a'), ['u'])
    }),
    check('incr, expire and a kept lifetime leave a key the tags it has', async (context) => {
      const { backend, unit } = context
      const changes = [
        () => backend.incr('a', 1, FOREVER),
        () => backend.expire('a', 60 * unit),
        async () => {
          const { stamp } = await snapshotOf(backend, 'a')
          same(await backend.apply([{ key: 'a', stamp }], [{ op: 'set', key: 'a', value: 9, lifetime: 'keep' }]), true)
        },
      ]
      for (const change of changes) {
        await put(context, 'a', 1, 't')
        await change()
        same(await tagsOf(backend).of('a'), ['t'])
        await tagsOf(backend).delete(['t'])
        missing(await backend.get('a'))
      }
    }),
    check('incr with tags adds them to those of the key, and keeps its lifetime', async (context) => {
      const { backend, unit } = context
      const { incr, of } = tagsOf(backend)
      same(await incr('a', 2, 5 * unit, ['t']), 2)
      same(await incr('a', 3, FOREVER, ['u']), 5)
      await lives(context, 'a', 5 * unit)
      same([...((await of('a')) as string[])].sort(), ['t', 'u'])
      await backend.set('b', 1, FOREVER)
      same(await incr('b', 1, unit, ['u']), 2)
      await tagsOf(backend).delete(['u'])
      same(await backend.getMany(['a', 'b']), [MISS, MISS])
    }),
    check('setMany with tags puts every key under them', async (context) => {
      const { backend } = context
      const entries = Array.from({ length: 5 }, (_, at) => [`k${at}`, at] as const)
      await tagsOf(backend).setMany(entries, FOREVER, ['t', 'u'])
      same(await backend.getMany(entries.map(([key]) => key)), [0, 1, 2, 3, 4])
      await tagsOf(backend).delete(['u'])
      same(await backend.count(), 0)
    }),
    check('a write of apply may put its key under tags', async (context) => {
      const { backend } = context
      const write = { op: 'set', key: 'a', value: 1, lifetime: FOREVER, tags: ['t', 'u'] } as const
      same(await backend.apply([{ key: 'a' }], [write]), true)
      same([await backend.get('a'), await tagsOf(backend).of('a')], [1, ['t', 'u']])
      await tagsOf(backend).delete(['t'])
      missing(await backend.get('a'))
    }),
    check('setRaw puts a value back under its tags, unless one was deleted meanwhile', async (context) => {
      const { backend } = context
      await put(context, 'a', 1, 't')
      const raw = await backend.getRaw('a')
      await backend.delete('a')
      same(await backend.setRaw('a', raw, FOREVER), true)
      same([await backend.get('a'), await tagsOf(backend).of('a')], [1, ['t']])
      await backend.delete('a')
      await tagsOf(backend).delete(['t'])
      same(await backend.setRaw('a', raw, FOREVER), false)
      missing(await backend.get('a'))
    }),
    check('of answers the tags of a key, none when it has none', async (context) => {
      const { backend } = context
      await put(context, 'a', 1, 't', 'u')
      await backend.set('b', 1, FOREVER)
      same([...((await tagsOf(backend).of('a')) as string[])].sort(), ['t', 'u'])
      same(await tagsOf(backend).of('b'), [])
      missing(await tagsOf(backend).of('c'))
    }),
    check('a tag is any text, and acts neither as a pattern nor for another tag', async (context) => {
      const names = ['*', '?', 'a', 'a:b', 'b', '[ab]', 'a,b', '{a}', '\\a', 'é', '\u0000', 'A', ' a', 'a\n']
      for (const [at, name] of names.entries()) await put(context, `k${at}`, at, name)
      for (const [at, name] of names.entries()) {
        await tagsOf(context.backend).delete([name])
        const keys = names.map((_, other) => `k${other}`)
        same(
          await context.backend.getMany(keys),
          names.map((_, other) => (other <= at ? MISS : other)),
          name,
        )
      }
    }),
    check('a tag and a key of the same name do not touch each other', async (context) => {
      const { backend } = context
      await put(context, 't', 1, 'u')
      await put(context, 'a', 2, 't')
      same([await backend.delete('t'), await backend.get('a')], [true, 2])
      await backend.set('u', 3, FOREVER)
      await tagsOf(backend).delete(['u', 't'])
      same(await backend.getMany(['u', 'a', 't']), [3, MISS, MISS])
    }),
    check('scan, count and deleteMatch leave tags out', async (context) => {
      const { backend } = context
      await put(context, 'a', 1, 't')
      await put(context, 'b', 1, 't', 'u')
      same([await keysOf(backend), await backend.count()], [['a', 'b'], 2])
      same(await backend.deleteMatch('*'), 2)
      same([await keysOf(backend), await backend.count()], [[], 0])
    }),
    check('a tag outlives its longest-lived key', async (context) => {
      const { backend, unit } = context
      const { set } = tagsOf(backend)
      await set('long', 1, 20 * unit, ['t'])
      await set('short', 1, unit, ['t'])
      await set('prolonged', 1, unit, ['u'])
      await set('longer', 1, 2 * unit, ['v'])
      await backend.expire('prolonged', 20 * unit)
      await set('longest', 1, FOREVER, ['v'])
      await context.elapse(10 * unit)
      same(await backend.getMany(['long', 'short', 'prolonged', 'longest']), [1, MISS, 1, 1])
      await tagsOf(backend).delete(['t', 'u', 'v'])
      same(await backend.count(), 0)
    }),
  ],
}

import { type Backend, type Content, MISS, type Tags } from '@cashews/core'
import { FOREVER, keysOf, lives, missing, same, snapshotOf, truth } from '../assertions.ts'
import type { Check, CheckContext, CheckGroup, Feature } from '../check.ts'
import { groupOf } from '../group-of.ts'
import { leasesOf } from './leases.ts'

const check = (title: string, run: Check['run'], ...needs: readonly Feature[]): Check => ({
  title,
  needs: ['tags', ...needs],
  run,
})

function tagsOf({ tags }: Backend): Tags {
  if (!tags) throw new Error('The backend has no tags.')
  return tags
}

/** Writes a key under tags, for ever. */
async function put({ backend }: CheckContext, key: string, value: unknown, ...tags: readonly string[]): Promise<void> {
  same(await tagsOf(backend).set(key, value, FOREVER, tags), true)
}

/** A command for another kind than a value, and what it does to an absent key. */
interface OfOtherKind {
  readonly command: (key: string) => unknown
  readonly answer: unknown
  /** What it makes of the key. @default nothing */
  readonly makes?: Content['kind']
}

/** Has commands find values whose tags are gone. */
async function absentFor(context: CheckContext, commands: readonly OfOtherKind[]): Promise<void> {
  const { backend, peers } = context
  const peer = tagsOf(peers.at(-1) ?? backend)
  for (const { command, answer, makes } of commands) {
    for (const gone of [peer.delete, peer.expire]) {
      await put(context, 'a', 'text', 't', 'u')
      await gone(['t'])
      same(await command('a'), answer)
      const found = await backend.inspect('a')
      same(found === MISS ? undefined : found.content?.kind, makes)
      missing(await backend.get('a'))
      const isStale = makes === undefined && gone === peer.expire
      same(await tagsOf(backend).stale('a'), isStale ? 'text' : MISS)
      await backend.delete('a')
    }
  }
}

/** What happens to keys that are under tags. */
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
    check('a key whose tag was deleted is absent for every member', async (context) => {
      const { backend, peers, elapse } = context
      for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) await put(context, key, 1, 't')
      await backend.getMany(['a', 'b'])
      await tagsOf(peers.at(-1) ?? backend).delete(['t'])
      // What a peer has at hand it may give until it has heard of that.
      await elapse(0)
      for (const peer of peers) {
        missing(await peer.get('a'))
        same(await peer.getMany(['a', 'none']), [MISS, MISS])
        missing(await peer.inspect('a'))
        missing(await peer.timeLeft('a'))
        missing(await peer.getRaw('a'))
        missing(await tagsOf(peer).stale('a'))
        missing(await tagsOf(peer).of('a'))
        same([await peer.exists('a'), await peer.size('a'), await peer.count()], [false, 0, 0])
        same(await keysOf(peer), [])
        if (peer.getNow) missing(peer.getNow('a'))
        if (peer.getFor) missing(await new Promise((found, failed) => peer.getFor?.('a', { found, failed })))
        truth(peer.answerNow?.('a') === undefined, 'answered now')
      }
      same(await backend.expire('a', FOREVER), false)
      same(await backend.delete('a'), false)
      same(await backend.deleteMany(['b']), 0)
      same(await backend.deleteMatch('[c]'), 0)
      same(await backend.set('d', 2, FOREVER, true), false)
      same(await backend.set('d', 2, FOREVER, false), true)
      same(await backend.incr('e', 5, FOREVER), 5)
      same(await tagsOf(backend).incr('f', 7, FOREVER, ['t']), 7)
    }),
    check(
      'a key whose tag was deleted or expired is absent for bits',
      (context) => {
        const { get, incr } = groupOf(context, 'bits')
        return absentFor(context, [
          { command: (key) => get(key, [1, 9], 4), answer: [0, 0] },
          { command: (key) => incr(key, [1, 9], 4, 3), answer: [3, 3], makes: 'bits' },
        ])
      },
      'bits',
    ),
    check(
      'a key whose tag was deleted or expired is absent for windows',
      (context) => {
        const { incr } = groupOf(context, 'windows')
        const slice = { start: 0, end: 5, max: 9, lifetime: FOREVER }
        return absentFor(context, [
          { command: (key) => incr(key, slice), answer: { count: 1, added: true, age: 0 }, makes: 'window' },
        ])
      },
      'windows',
    ),
    check(
      'a key whose tag was deleted or expired is absent for sets',
      (context) => {
        const { add, remove, pop } = groupOf(context, 'sets')
        return absentFor(context, [
          { command: (key) => remove(key, ['x']), answer: 0 },
          { command: (key) => pop(key, 1), answer: [] },
          { command: (key) => add(key, ['x', 'y']), answer: 2, makes: 'set' },
        ])
      },
      'sets',
    ),
    check('a key of another tag, and one without, stays when a tag is deleted', async (context) => {
      await put(context, 'a', 1, 't')
      await put(context, 'b', 2, 'u')
      await context.backend.set('c', 3, FOREVER)
      await tagsOf(context.backend).delete(['t'])
      same(await context.backend.getMany(['a', 'b', 'c']), [MISS, 2, 3])
    }),
    check('one deleted tag of several makes a key absent', async (context) => {
      for (const tag of ['t', 'u', 'v']) {
        await put(context, 'a', 1, 't', 'u', 'v')
        await tagsOf(context.backend).delete(['unused', tag])
        missing(await context.backend.get('a'))
      }
    }),
    check('what is written under a deleted tag later is there', async (context) => {
      await put(context, 'a', 1, 't')
      await tagsOf(context.backend).delete(['t'])
      await put(context, 'a', 2, 't')
      await put(context, 'b', 3, 't')
      same(await context.backend.getMany(['a', 'b']), [2, 3])
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
    check('of answers the tags of a key, none when it has none', async (context) => {
      const { backend } = context
      await put(context, 'a', 1, 't', 'u')
      await backend.set('b', 1, FOREVER)
      same([...((await tagsOf(backend).of('a')) as string[])].sort(), ['t', 'u'])
      same(await tagsOf(backend).of('b'), [])
      missing(await tagsOf(backend).of('c'))
    }),
    check('a key whose tag expired is absent, and stale still answers its value', async (context) => {
      const { backend } = context
      for (let round = 0; round < 2; round++) {
        await put(context, 'a', round, 't')
        await put(context, 'b', 'other', 'u')
        await tagsOf(backend).expire(['t'])
        await tagsOf(backend).expire(['t'])
        same(await backend.getMany(['a', 'b']), [MISS, 'other'])
        same([await backend.exists('a'), await keysOf(backend), await backend.count()], [false, ['b'], 1])
        same([await tagsOf(backend).stale('a'), await tagsOf(backend).stale('b')], [round, 'other'])
      }
      await put(context, 'a', 'fresh', 't')
      same([await backend.get('a'), await tagsOf(backend).stale('a')], ['fresh', 'fresh'])
    }),
    check('a stale value is gone once its tag or its key is deleted', async (context) => {
      const { backend } = context
      const removals = [
        () => tagsOf(backend).delete(['t']),
        () => backend.delete('a'),
        () => backend.deleteMany(['a']),
        () => backend.deleteMatch('a*'),
        () => backend.clear(),
      ]
      for (const remove of removals) {
        await put(context, 'a', 1, 't')
        await tagsOf(backend).expire(['t'])
        await remove()
        missing(await tagsOf(backend).stale('a'))
      }
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
    check('tags are any text, and none acts as a pattern or for another', async (context) => {
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
    check('scan, count and deleteMatch pass tags over', async (context) => {
      const { backend } = context
      await put(context, 'a', 1, 't')
      await put(context, 'b', 1, 't', 'u')
      same([await keysOf(backend), await backend.count()], [['a', 'b'], 2])
      same(await backend.deleteMatch('*'), 2)
      same([await keysOf(backend), await backend.count()], [[], 0])
    }),
    check('clear removes what is under tags, and a tag serves again afterwards', async (context) => {
      const { backend } = context
      await put(context, 'a', 1, 't')
      await backend.clear()
      same([await backend.count(), await backend.get('a')], [0, MISS])
      await put(context, 'a', 2, 't')
      same(await backend.get('a'), 2)
      await tagsOf(backend).delete(['t'])
      missing(await backend.get('a'))
    }),
    check('a stamp does not hold any more when a tag of its key was deleted', async (context) => {
      const { backend } = context
      await put(context, 'a', 1, 't')
      const { stamp, value } = await snapshotOf(backend, 'a')
      same(value, 1)
      await tagsOf(backend).delete(['t'])
      same(await backend.apply([{ key: 'a', stamp }], [{ op: 'set', key: 'a', value: 2, lifetime: FOREVER }]), false)
      same(await backend.apply([{ key: 'a' }], [{ op: 'set', key: 'a', value: 3, lifetime: 'keep' }]), true)
      same([await backend.get('a'), await backend.timeLeft('a')], [3, FOREVER])
    }),
    check('a stamp still holds when another key under the tags of its key lives longer', async (context) => {
      const { backend, unit } = context
      const write = { op: 'set', key: 'a', value: 2, lifetime: 100 * unit, tags: ['t'] } as const
      same(await tagsOf(backend).set('a', 1, unit, ['t']), true)
      const { stamp } = await snapshotOf(backend, 'a')
      same(await tagsOf(backend).set('b', 1, 50 * unit, ['t']), true)
      same(await backend.apply([{ key: 'a', stamp }], [write]), true)
      same(await backend.get('a'), 2)
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
    check(
      'a proof holds until one of its tags is deleted or expires',
      async (context) => {
        const { backend, peers } = context
        const { capture, holds, set } = tagsOf(backend)
        const peer = tagsOf(peers.at(-1) ?? backend)
        const write = async (proof: string | undefined) => set('a', 1, FOREVER, ['t', 'u'], { proof })
        for (const ahead of [['t', 'u'], 'any'] as const) {
          same(await write(await capture?.(ahead)), true)
          for (const change of [() => peer.delete(['u']), () => peer.expire(['t'])]) {
            const proof = await capture?.(ahead)
            same(await holds?.(proof ?? ''), true)
            await backend.delete('a')
            await change()
            same([await holds?.(proof ?? ''), await write(proof)], [false, false])
            missing(await backend.get('a'))
          }
          const [first, second] = [await capture?.(ahead), await capture?.(ahead)]
          same([await write(second), await write(first)], [true, true])
        }
        const proof = await capture?.(['t', 'u'])
        await peer.delete(['other'])
        same(await write(proof), true)
      },
      'capture',
    ),
    check(
      'a lease is void as soon as anybody writes the key under a tag',
      async (context) => {
        const { backend } = context
        const leases = leasesOf(context)
        const { set, setMany } = tagsOf(backend)
        const [own, other] = [['a', 'newer'] as const, ['b', 1] as const]
        for (const write of [
          () => set(...own, FOREVER, ['t']),
          () => setMany([own, other], FOREVER, ['t']),
          () => setMany([other, own], FOREVER, ['t']),
        ]) {
          const { lease = '' } = await leases.get('a', ['t'])
          await write()
          same(await leases.set('a', 'older', FOREVER, lease, ['t']), false)
          same(await backend.get('a'), 'newer')
          await backend.delete('a')
        }
      },
      'leases',
    ),
    check(
      'a lease is void when one of its tags is deleted or expires',
      async (context) => {
        const { backend } = context
        const leases = leasesOf(context)
        for (const ahead of [['t'], 'any'] as const) {
          const takes = [async () => (await leases.get('a', ahead)).lease ?? '', async () => leases.take('a', ahead)]
          for (const take of takes) {
            const good = await take()
            same(await leases.set('a', 1, FOREVER, good, ['t']), true)
            same(await tagsOf(backend).of('a'), ['t'])
            await backend.delete('a')
            for (const change of [() => tagsOf(backend).delete(['t']), () => tagsOf(backend).expire(['t'])]) {
              const lease = await take()
              same(await leases.holds('a', lease), true)
              await change()
              same(await leases.holds('a', lease), false)
              await leases.set('a', 'older', FOREVER, lease, ['t'])
              missing(await backend.get('a'))
            }
            await backend.delete('a')
          }
        }
        await put(context, 'a', 1, 't')
        await tagsOf(backend).delete(['t'])
        const { value, lease } = await leases.get('a', ['t'])
        missing(value)
        same(await leases.set('a', 2, FOREVER, lease ?? '', ['t']), true)
        same(await backend.get('a'), 2)
      },
      'leases',
    ),
  ],
}

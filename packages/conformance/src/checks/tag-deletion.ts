import { type Content, MISS } from '@cashews/core'
import { FOREVER, keysOf, missing, same, truth } from '../assertions.ts'
import type { CheckContext, CheckGroup } from '../check.ts'
import { groupOf } from '../group-of.ts'
import { check, put, tagsOf } from './under-tags.ts'

/** A command for another kind than a value, and what it does to an absent key. */
interface OfOtherKind {
  readonly command: (key: string) => unknown
  readonly answer: unknown
  /** What it makes of the key. @default nothing */
  readonly makes?: Content['kind']
}

/** Runs commands on values whose tags are gone, and asserts that they find the key absent. */
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

/** What becomes of keys whose tags are deleted or expire. */
export const tagDeletion: CheckGroup = {
  name: 'deleted tags',
  checks: [
    check('a key whose tag was deleted is absent for every member', async (context) => {
      const { backend, peers, elapse } = context
      for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) await put(context, key, 1, 't')
      await backend.getMany(['a', 'b'])
      await tagsOf(peers.at(-1) ?? backend).delete(['t'])
      // Until a peer has heard of it, it may answer from its own copies.
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
    check('a key under another tag, and one under none, stay when a tag is deleted', async (context) => {
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
    check('clear removes what is under tags, and a tag can be used again afterwards', async (context) => {
      const { backend } = context
      await put(context, 'a', 1, 't')
      await backend.clear()
      same([await backend.count(), await backend.get('a')], [0, MISS])
      await put(context, 'a', 2, 't')
      same(await backend.get('a'), 2)
      await tagsOf(backend).delete(['t'])
      missing(await backend.get('a'))
    }),
  ],
}

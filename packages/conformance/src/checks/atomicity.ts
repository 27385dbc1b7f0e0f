import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { type Backend, MISS } from '@cashews/core'
import { FOREVER, same, snapshotOf, truth } from '../assertions.ts'
import type { CheckContext, CheckGroup } from '../check.ts'

const CALLERS = 20

/** Has many callers act at once, on all the backends that see the same data. */
function together<T>({ peers }: CheckContext, act: (backend: Backend, caller: number) => T | Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: CALLERS }, async (_, at) => act(peers[at % peers.length] ?? peers[0], at)))
}

/** Asserts that exactly one caller was answered `true`. */
function once(answers: readonly boolean[]): void {
  const won = answers.filter(Boolean).length
  truth(won === 1, `${won} of ${answers.length} callers were told yes, instead of 1`)
}

/** Reads a number and writes its successor if it is unchanged, as often as it takes. */
async function increase(backend: Backend, key: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const found = await backend.inspect(key)
    const [value, stamp] = found === MISS ? [0, undefined] : [Number(found.value), found.stamp]
    if (await backend.apply([{ key, stamp }], [{ op: 'set', key, value: value + 1, lifetime: FOREVER }])) return
    await wait(Math.random() * 2 ** Math.min(tries, 5))
  }
}

/** Many callers at once, whose commands have to take effect one after the other. */
export const atomicity: CheckGroup = {
  name: 'atomicity',
  checks: [
    {
      title: 'incr is one step: no increment is lost',
      async run(context) {
        const sums = await together(context, (backend) => backend.incr('a', 1, FOREVER))
        same(new Set(sums).size, CALLERS, 'different sums')
        same(await context.backend.get('a'), CALLERS)
      },
    },
    {
      title: 'set where there is no key is one step: one caller writes',
      async run(context) {
        once(await together(context, (backend, caller) => backend.set('a', caller, FOREVER, false)))
      },
    },
    {
      title: 'delete is one step: one caller is told that the key was there',
      async run(context) {
        await context.backend.set('a', 1, FOREVER)
        once(await together(context, (backend) => backend.delete('a')))
      },
    },
    {
      title: 'set over a key that is there is one step: it brings back nothing deleted',
      async run(context) {
        const { backend } = context
        for (let round = 0; round < 10; round++) {
          await backend.set('a', 1, FOREVER)
          await together(context, (peer, caller) => (caller % 2 ? peer.delete('a') : peer.set('a', 2, FOREVER, true)))
          same(await backend.exists('a'), false)
        }
      },
    },
    {
      title: 'expire is one step: it brings back nothing deleted, and undoes no write',
      async run(context) {
        const { backend } = context
        for (let round = 0; round < 10; round++) {
          await backend.set('a', 'old', FOREVER)
          const [first = backend] = context.peers
          const last = context.peers.at(-1) ?? backend
          await Promise.all([last.expire('a', 60_000), first.set('a', 'new', FOREVER), last.expire('a', 60_000)])
          same(await backend.get('a'), 'new')
          await Promise.all([last.expire('a', 60_000), first.delete('a'), last.expire('a', 60_000)])
          same(await backend.exists('a'), false)
        }
      },
    },
    {
      title: 'apply is one step: one of many callers who expect the same stamp writes',
      async run(context) {
        await context.backend.set('a', 'before', FOREVER)
        const found = await context.backend.inspect('a')
        const stamp = found === MISS ? undefined : found.stamp
        once(
          await together(context, (backend, value) =>
            backend.apply([{ key: 'a', stamp }], [{ op: 'set', key: 'a', value, lifetime: FOREVER }]),
          ),
        )
      },
    },
    {
      title: 'apply is one step: no change made of inspect and apply is lost',
      async run(context) {
        await together(context, (backend) => increase(backend, 'a'))
        same(await context.backend.get('a'), CALLERS)
      },
    },
    {
      title: 'apply is one step: nobody sees some of its writes without the others',
      needs: ['severalKeys'],
      async run(context) {
        const { backend } = context
        const reader = context.peers.at(-1) ?? backend
        const write = (value: number) =>
          backend.apply(
            [],
            ['a', 'b'].map((key) => ({ op: 'set', key, value, lifetime: FOREVER })),
          )
        await write(0)
        let writing = true
        const writer = (async () => {
          for (let value = 1; value <= 50; value++) await write(value)
        })().finally(() => {
          writing = false
        })
        let seen = 0
        while (writing) {
          await turn()
          const a = await snapshotOf(reader, 'a')
          const b = await snapshotOf(reader, 'b')
          const still = await reader.apply(
            [
              { key: 'a', stamp: a.stamp },
              { key: 'b', stamp: b.stamp },
            ],
            [],
          )
          if (still) same(a.value, b.value, `reading ${++seen} times at one instant`)
        }
        await writer
        same([await reader.get('a'), await reader.get('b')], [50, 50])
      },
    },
    {
      title: 'bits are changed in one step: no increment is lost',
      needs: ['bits'],
      async run(context) {
        await together(context, ({ bits }) => bits && bits.incr('a', [0, 3], 8, 1))
        const { bits } = context.backend
        same(bits && (await bits.get('a', [0, 1, 3], 8)), [CALLERS, 0, CALLERS])
      },
    },
    {
      title: 'a window is counted in one step: no more than max pass',
      needs: ['windows'],
      async run(context) {
        const slice = { start: 0, end: 10, max: 5, lifetime: 60_000 }
        const counts = await together(context, ({ windows }) => windows && windows.incr('a', slice))
        const added = counts.flatMap((found) => (found && found.added ? [found.count] : []))
        same(added.sort(), [1, 2, 3, 4, 5])
      },
    },
    {
      title: 'a set is changed in one step: no member is lost',
      needs: ['sets'],
      async run(context) {
        const { sets } = context.backend
        const added = await together(context, (peer, caller) => peer.sets && peer.sets.add('a', [`${caller}`, 'all']))
        same(
          added.reduce((sum: number, count) => sum + Number(count), 0),
          CALLERS + 1,
        )
        same(sets && (await sets.pop('a', 1_000)).length, CALLERS + 1)
      },
    },
    {
      title: 'a set is popped in one step: no member is handed out twice',
      needs: ['sets'],
      async run(context) {
        const { sets } = context.backend
        const members = Array.from({ length: 2 * CALLERS }, (_, at) => `${at}`)
        if (sets) await sets.add('a', members)
        const popped = await together(context, (peer) => (peer.sets ? peer.sets.pop('a', 2) : []))
        same(popped.flat().sort(), members.sort())
      },
    },
    {
      title: 'a lock is taken in one step: one caller holds it',
      needs: ['locks'],
      async run(context) {
        once(
          await together(
            context,
            ({ locks }, caller) => locks && locks.acquire(context.unique, `token ${caller}`, 60_000),
          ),
        )
      },
    },
  ],
}

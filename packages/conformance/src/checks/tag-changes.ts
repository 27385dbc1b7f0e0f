import { FOREVER, missing, same, snapshotOf } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'
import { leasesOf } from './leases.ts'
import { check, put, tagsOf } from './under-tags.ts'

/** How a change of tags is noticed: by a stamp, a proof or a lease. */
export const tagChanges: CheckGroup = {
  name: 'changes of tags',
  checks: [
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

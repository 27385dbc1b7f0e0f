import { MISS } from '@cashews/core'
import { FOREVER, keysOf, lives, missing, refused, same, snapshotOf } from '../assertions.ts'
import type { Check, CheckContext, Group } from '../check.ts'

/** What a group keeps, as the other commands see it. */
export interface OtherKind {
  readonly needs: Group
  /** How the contract calls what stands under the key: `a set`. */
  readonly noun: string
  /** Makes the key one of this kind. */
  write(context: CheckContext, key: string): Promise<unknown>
  /** The commands of the group that a value must refuse. */
  readonly commands: readonly ((context: CheckContext, key: string) => unknown)[]
  /** Makes the key one that holds these items. */
  fill(context: CheckContext, key: string): Promise<unknown>
  readonly items: readonly (string | number)[]
}

/** The items of a key: those of bits without zeros at the end, the others, which have no order, sorted. */
async function itemsOf({ backend }: CheckContext, key: string): Promise<(string | number)[]> {
  const { content } = await snapshotOf(backend, key)
  const items = [...(content?.items ?? [])]
  if (content?.kind === 'bits') while (items.at(-1) === 0) items.pop()
  return content?.kind === 'bits' ? items : items.sort((a, b) => (a < b ? -1 : 1))
}

/** The checks of a key that holds no value, the same for every such kind. */
export function otherKindChecks({ needs, noun, write, commands, fill, items }: OtherKind): Check[] {
  const check = (title: string, run: Check['run']): Check => ({
    title,
    needs: [needs],
    async run(context) {
      await write(context, 'a')
      await run(context)
    },
  })
  return [
    check(`get answers MISS for ${noun}`, async ({ backend }) => {
      missing(await backend.get('a'))
    }),
    check(`getRaw answers MISS for ${noun}`, async ({ backend }) => {
      missing(await backend.getRaw('a'))
    }),
    check(`getMany answers MISS for ${noun}, and leaves the others in their places`, async ({ backend }) => {
      await backend.set('b', 1, FOREVER)
      await backend.set('c', 2, FOREVER)
      same(await backend.getMany(['b', 'a', 'c']), [1, MISS, 2])
    }),
    check(`inspect answers a snapshot for ${noun}, with MISS for its value`, async ({ backend }) => {
      same((await snapshotOf(backend, 'a')).value, MISS)
      same(await backend.apply([{ key: 'a' }], []), false)
    }),
    check(`scan and count find ${noun}`, async ({ backend }) => {
      same([await keysOf(backend), await backend.count()], [['a'], 1])
    }),
    check(`exists and timeLeft find ${noun}`, async ({ backend }) => {
      same(await backend.exists('a'), true)
      same(typeof (await backend.timeLeft('a')), 'number')
    }),
    check(`delete removes ${noun}`, async ({ backend }) => {
      same([await backend.delete('a'), await backend.exists('a')], [true, false])
    }),
    check(`clear removes ${noun}`, async ({ backend }) => {
      await backend.clear()
      same(await backend.exists('a'), false)
    }),
    check(`set replaces ${noun}`, async (context) => {
      const { backend } = context
      same(await backend.set('a', 1, FOREVER, false), false)
      same(await backend.set('a', 1, FOREVER, true), true)
      same(await backend.get('a'), 1)
    }),
    check(`incr of ${noun} is a WrongTypeError`, async ({ backend }) => {
      await refused(() => backend.incr('a', 1, FOREVER), 'CASHEWS_WRONG_TYPE', `incr of ${noun}`)
    }),
    check(`a command for ${noun} on a value is a WrongTypeError, and the value stays as it is`, async (context) => {
      await context.backend.set('b', 'text', FOREVER)
      for (const command of commands) {
        await refused(() => command(context, 'b'), 'CASHEWS_WRONG_TYPE', `a value taken for ${noun}`)
      }
      same(await context.backend.get('b'), 'text')
    }),
    check(`inspect shows what ${noun} holds`, async (context) => {
      await fill(context, 'filled')
      same(await itemsOf(context, 'filled'), items)
    }),
    check(`apply puts ${noun} in the place of what a key holds, with its lifetime`, async (context) => {
      const { backend, unit } = context
      await fill(context, 'filled')
      const { content } = await snapshotOf(backend, 'filled')
      if (content === undefined) throw new Error(`inspect shows no content of ${noun}`)
      const put = { op: 'put', key: 'b', content, lifetime: 5 * unit } as const
      await backend.set('b', 1, FOREVER)
      same(await backend.apply([], [put]), true)
      missing(await backend.get('b'))
      await lives(context, 'b', 5 * unit)
      same(await itemsOf(context, 'b'), items)
      await write(context, 'b')
      same(await itemsOf(context, 'filled'), items, 'what it was made from')
    }),
    check(`changing ${noun} changes its stamp`, async (context) => {
      const before = await snapshotOf(context.backend, 'a')
      await write(context, 'a')
      const after = await snapshotOf(context.backend, 'a')
      same(before.stamp === after.stamp, false, 'the same stamp')
    }),
  ]
}

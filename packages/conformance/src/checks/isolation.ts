import { newSpot } from '@cashews/core'
import { FOREVER, same, snapshotOf } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

interface Page {
  title: string
  lines: string[]
}

const page = (): Page => ({ title: 'clean', lines: ['clean'] })

/** Changes a value, at the top and inside. A frozen one stays as it is, which is isolation too. */
function spoil(value: unknown): void {
  try {
    ;(value as Page).lines.push('dirty')
  } catch {}
  try {
    ;(value as Page).title = 'dirty'
  } catch {}
}

/** Values in the store, which nobody can change by changing what was stored or read. */
export const isolation: CheckGroup = {
  name: 'isolation',
  checks: [
    {
      title: 'changing a value after set changes nothing in the store',
      async run({ backend }) {
        const value = page()
        await backend.set('a', value, FOREVER)
        spoil(value)
        same(await backend.get('a'), page())
      },
    },
    {
      title: 'changing a value after get changes nothing in the store',
      async run({ backend }) {
        await backend.set('a', page(), FOREVER)
        spoil(await backend.get('a'))
        spoil(await backend.get('a'))
        same(await backend.get('a'), page())
      },
    },
    {
      title: 'changing a value after setMany changes nothing in the store',
      async run({ backend }) {
        const value = page()
        await backend.setMany(
          [
            ['a', value],
            ['b', value],
          ],
          FOREVER,
        )
        spoil(value)
        same([await backend.get('a'), await backend.get('b')], [page(), page()])
      },
    },
    {
      title: 'changing a value after getMany changes nothing in the store',
      async run({ backend }) {
        await backend.set('a', page(), FOREVER)
        const [first, second] = await backend.getMany(['a', 'a'])
        spoil(first)
        same(second, page(), 'the other answer')
        same(await backend.getMany(['a']), [page()])
      },
    },
    {
      title: 'changing a value after apply changes nothing in the store',
      async run({ backend }) {
        const value = page()
        await backend.apply([], [{ op: 'set', key: 'a', value, lifetime: FOREVER }])
        spoil(value)
        same(await backend.get('a'), page())
      },
    },
    {
      title: 'changing a value after inspect changes nothing in the store',
      async run({ backend }) {
        await backend.set('a', page(), FOREVER)
        spoil((await snapshotOf(backend, 'a')).value)
        same(await backend.get('a'), page())
      },
    },
    {
      title: 'changing a value after getNow changes nothing in the store',
      needs: ['getNow'],
      async run({ backend }) {
        await backend.set('a', page(), FOREVER)
        spoil(await backend.get('a'))
        spoil(backend.getNow?.('a'))
        same(await backend.get('a'), page())
      },
    },
    {
      title: 'changing a value after answerNow changes nothing in the store',
      needs: ['answerNow'],
      async run({ backend }) {
        const spot = newSpot('a')
        await backend.set('a', page(), FOREVER)
        spoil(await backend.get('a'))
        for (let time = 0; time < 2; time++) spoil(await backend.answerNow?.('a', spot))
        const answer = backend.answerNow?.('a', spot)
        if (answer !== undefined) same(await answer, page(), 'the next answer')
        same(await backend.get('a'), page())
      },
    },
  ],
}

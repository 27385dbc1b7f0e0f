import type { Backend, BackendHost } from '@cashews/core'
import { FOREVER, keysOf, refused, same } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'
import { soon } from '../patience.ts'
import { watchResources } from '../resources.ts'

const HOST: BackendHost = { removed() {}, error() {} }
const PATIENCE = 1_000

/** Opens a backend and uses it, since it may connect only then. */
async function use(backend: Backend): Promise<void> {
  await backend.open(HOST)
  await backend.set('a', 1, 60_000)
  same(await backend.get('a'), 1)
}

/** Open and close, and what is true in between. */
export const life: CheckGroup = {
  name: 'life',
  checks: [
    {
      title: 'close may be called twice, and before open',
      async run({ create }) {
        const backend = await create()
        await backend.close()
        await use(backend)
        await backend.close()
        await backend.close()
      },
    },
    {
      title: 'open connects again after close',
      async run({ create }) {
        const backend = await create()
        await use(backend)
        await backend.close()
        await use(backend)
        await backend.clear()
        await backend.set('b', 1, FOREVER)
        same(await backend.count(), 1)
        await backend.close()
      },
    },
    {
      title: 'close lets go of every timer, handle and connection',
      async run({ create }) {
        const holding = watchResources()
        try {
          await holding.during(async () => {
            const backend = await create()
            await use(backend)
            await backend.close()
          })
          await soon(() => holding.left().length === 0, PATIENCE)
          same(holding.left(), [], 'left open')
        } finally {
          holding.stop()
        }
      },
    },
    {
      title: 'a store that cannot be reached rejects with BackendUnavailableError',
      needs: ['unreachable'],
      async run({ unreachable }) {
        const code = 'CASHEWS_BACKEND_UNAVAILABLE'
        const backend = await unreachable()
        const open = async () => backend.open(HOST) // it may throw at once
        const isOpen = await open().then(
          () => true,
          (error) => refused(() => Promise.reject(error), code, 'open').then(() => false),
        )
        if (!isOpen) return
        const members: Readonly<Record<string, () => unknown>> = {
          get: () => backend.get('a'),
          set: () => backend.set('a', 1, FOREVER),
          delete: () => backend.delete('a'),
          incr: () => backend.incr('a', 1, FOREVER),
          scan: () => keysOf(backend),
          clear: () => backend.clear(),
          inspect: () => backend.inspect('a'),
          apply: () => backend.apply([{ key: 'a' }], []),
        }
        for (const [member, command] of Object.entries(members)) await refused(command, code, member)
      },
    },
    {
      title: 'members may be called while others are under way',
      async run({ backend }) {
        const answers = await Promise.all([
          backend.set('a', 1, FOREVER),
          backend.set('b', 2, FOREVER),
          backend.incr('c', 3, FOREVER),
          backend.exists('absent'),
          backend.delete('absent'),
        ])
        same(answers, [true, true, 3, false, false])
        same(await Promise.all(['a', 'b', 'c'].map((key) => backend.get(key))), [1, 2, 3])
      },
    },
  ],
}

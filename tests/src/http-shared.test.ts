import { createCache } from '@cashews/core'
import { createTags } from '@cashews/tags'
import { describe, expect, it, onTestFinished } from 'vitest'
import { pairs } from './support/backends.ts'
import { gate } from './support/helpers.ts'
import { PATIENT } from './support/patience.ts'
import { ask, frameworks } from './support/web.ts'

const setups = pairs.flatMap((pair) => frameworks.map(({ name, serve }) => ({ store: pair.name, name, serve, pair })))

describe.each(setups)('a response of $name in $store, which another process shares', ({ pair, serve }) => {
  it.each([undefined, 'X-A'])('is not stored once its tag was deleted there: Vary is %s', async (vary) => {
    const [ours, theirs] = pair.create().map((store) => createCache().setup(store, PATIENT))
    if (!ours || !theirs) throw new Error('A pair has two.')
    createTags(ours)
    const tags = createTags(theirs)
    const [opened, started] = [gate(), gate()]
    let state = 'old'
    const answer = async () => {
      const body = state
      started.open()
      await opened.promise
      return { body, headers: vary ? { vary } : {} }
    }
    const running = await serve({ cache: ours, routes: [{ path: '/', cached: { ttl: '1m', tags: ['t'] }, answer }] })
    onTestFinished(async () => {
      await running.close()
      await ours.close()
      await theirs.close()
    })
    const slow = ask(running.url)
    await started.promise
    state = 'new'
    await tags.delete('t')
    opened.open()
    expect((await slow).text).toBe('old')
    // Until the store has refused it, those who wait may still get it.
    await expect.poll(async () => (await ask(running.url)).text).toBe('new')
    await expect.poll(async () => (await ask(running.url)).headers['cache-status']).toContain('hit')
  })
})

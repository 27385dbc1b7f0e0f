import { setImmediate } from 'node:timers/promises'
import { createCache } from '@cashews/core'
import { createTags } from '@cashews/tags'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
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
    expect((await ask(running.url)).text).toBe('new')
    await expect.poll(async () => (await ask(running.url)).headers['cache-status']).toContain('hit')
  })

  it('is not given to those who ask after it was invalidated there, and wait for it', async () => {
    const [ours, theirs] = pair.create().map((store) => createCache().setup(store, PATIENT))
    if (!ours || !theirs) throw new Error('A pair has two.')
    let reads = 0
    ours.use(async (call, next) => {
      const found = await next(call)
      if (call.command === 'get') reads++
      return found
    })
    createTags(ours)
    const tags = createTags(theirs)
    const opened = gate()
    let state = 'old'
    const answer = vi.fn(async () => {
      const body = state
      if (state === 'old') await opened.promise
      return { body }
    })
    const running = await serve({ cache: ours, routes: [{ path: '/', cached: { ttl: '1m', tags: ['t'] }, answer }] })
    onTestFinished(async () => {
      await running.close()
      await ours.close()
      await theirs.close()
    })
    const first = ask(running.url)
    await expect.poll(() => answer.mock.calls).toHaveLength(1)
    state = 'new'
    await tags.delete('t')
    const before = reads
    const late = [ask(running.url), ask(running.url)]
    await expect.poll(() => reads).toBe(before + 2)
    await setImmediate()
    opened.open()
    expect((await first).text).toBe('old')
    for (const { text } of await Promise.all(late)) expect(text).toBe('new')
    expect(answer).toHaveBeenCalledTimes(2)
  })
})

import { AsyncLocalStorage } from 'node:async_hooks'
import { BackendError, BackendUnavailableError } from '@cashews/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NodeHealth } from '../src/connection/node-health.ts'

const PATIENCE = 250

describe('the health of the nodes of a cluster', () => {
  let isBack = false
  let looks = 0
  let health: NodeHealth
  const back = vi.fn()
  beforeEach(() => {
    vi.useFakeTimers()
    isBack = false
    looks = 0
    health = new NodeHealth(
      async () => {
        looks++
        return isBack
      },
      () => ['a', 'b'],
      back,
    )
    health.patience = PATIENCE
  })
  afterEach(() => {
    health.stop()
    vi.restoreAllMocks()
    back.mockReset()
    vi.useRealTimers()
  })

  const never = () => new Promise<never>(() => {})
  const ask = (node: string) => health.send(node, async () => 'answer')

  it('refuses at once whoever asks a node that owes an answer for longer than callers wait', async () => {
    void health.send('a', never)
    await vi.advanceTimersByTimeAsync(PATIENCE)
    expect(await ask('a')).toBe('answer')
    void health.send('a', never)
    await vi.advanceTimersByTimeAsync(2 * PATIENCE)
    await expect(ask('a')).rejects.toThrow(/Redis node a does not answer/)
    await expect(ask('a')).rejects.not.toBeInstanceOf(BackendUnavailableError)
    expect(await ask('b')).toBe('answer')
    expect(health.allAway).toBe(false)
  })

  it('holds nothing against a node while this process was busy and did not listen', async () => {
    void health.send('a', never)
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000)
    expect(await ask('a')).toBe('answer')
  })

  it('looks after a node outside of the request that found it away', async () => {
    vi.useRealTimers()
    const requests = new AsyncLocalStorage<string>()
    const { promise: looked, resolve } = Promise.withResolvers<unknown>()
    const own = new NodeHealth(
      async () => {
        resolve(requests.getStore())
        return true
      },
      () => ['a', 'b'],
      back,
    )
    requests.run('request', () => own.lost('a'))
    expect(await looked).toBeUndefined()
    own.stop()
  })

  it('waits for ever while nobody says how long callers do', async () => {
    health.patience = Number.POSITIVE_INFINITY
    void health.send('a', never)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await ask('a')).toBe('answer')
  })

  it('says that the whole is away when every node is', async () => {
    health.lost('a')
    await expect(ask('a')).rejects.toBeInstanceOf(BackendError)
    expect(health.allAway).toBe(false)
    health.lost('b')
    await expect(ask('a')).rejects.toBeInstanceOf(BackendUnavailableError)
  })

  it('asks a node again once it has given a sign of life', async () => {
    health.lost('a')
    await expect(ask('a')).rejects.toThrow(/does not answer/)
    isBack = true
    await vi.advanceTimersByTimeAsync(250)
    expect(await ask('a')).toBe('answer')
  })

  it('looks after a node that owes an answer for too long, until it gives a sign of life', async () => {
    void health.send('a', never)
    await vi.advanceTimersByTimeAsync(2 * PATIENCE)
    await expect(ask('a')).rejects.toThrow(/does not answer/)
    isBack = true
    await vi.advanceTimersByTimeAsync(250)
    expect(await ask('a')).toBe('answer')
  })

  it('does not take a node for silent that answers others', async () => {
    void health.send('a', never)
    await vi.advanceTimersByTimeAsync(PATIENCE - 50)
    expect(await ask('a')).toBe('answer')
    await vi.advanceTimersByTimeAsync(PATIENCE - 50)
    expect(await ask('a')).toBe('answer')
  })

  it('holds nothing against a node that owes nothing', async () => {
    expect(await ask('a')).toBe('answer')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await ask('a')).toBe('answer')
  })

  it('counts the silence of a node anew once it owes nothing any more, even if its last command failed', async () => {
    const failing = health.send('a', async () => {
      await new Promise((resolve) => setTimeout(resolve, PATIENCE - 50))
      throw new Error('refused')
    })
    const failed = expect(failing).rejects.toThrow('refused')
    await vi.advanceTimersByTimeAsync(PATIENCE - 50)
    await failed
    void health.send('a', never)
    await vi.advanceTimersByTimeAsync(PATIENCE - 50)
    expect(await ask('a')).toBe('answer')
  })

  it('tells once that a node is back, and only of one that was away', () => {
    health.found('a')
    expect(back).not.toHaveBeenCalled()
    health.lost('a')
    health.found('a')
    health.found('a')
    expect(back).toHaveBeenCalledTimes(1)
  })

  it('refuses a node until it gives a sign of life, and goes on looking for one', async () => {
    health.lost('a')
    await vi.advanceTimersByTimeAsync(500)
    expect(looks).toBe(2)
    await expect(ask('a')).rejects.toThrow(/does not answer/)
    isBack = true
    await vi.advanceTimersByTimeAsync(250)
    expect(await ask('a')).toBe('answer')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(looks).toBe(3)
  })

  it('says that the whole is away when every node owes an answer for too long', async () => {
    for (const node of ['a', 'b']) void health.send(node, never)
    await vi.advanceTimersByTimeAsync(PATIENCE)
    expect(health.allAway).toBe(false)
    await vi.advanceTimersByTimeAsync(PATIENCE)
    expect(health.allAway).toBe(true)
  })

  it('forgets everything when it is stopped, and can be used again', async () => {
    for (const start of ['first', 'again']) {
      void health.send('b', never)
      health.lost('a')
      expect(vi.getTimerCount(), start).toBe(2)
      health.stop()
      expect(vi.getTimerCount(), start).toBe(0)
      expect(await ask('a')).toBe('answer')
      health.stop()
    }
    expect(looks).toBe(0)
  })
})

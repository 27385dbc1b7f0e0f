import { BackendError, BackendUnavailableError } from '@cashews/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NodeHealth } from '../src/node-health.ts'

const PATIENCE = 250

describe('the health of the nodes of a cluster', () => {
  let isBack = false
  let health: NodeHealth
  beforeEach(() => {
    vi.useFakeTimers()
    isBack = false
    health = new NodeHealth(
      async () => isBack,
      () => ['a', 'b'],
      () => {},
    )
    health.patience = PATIENCE
  })
  afterEach(() => {
    health.stop()
    vi.restoreAllMocks()
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
})

import { EventEmitter } from 'node:events'
import { MISS } from '@cashews/core'
import type { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Found, LocalCopies } from '../src/client-side/local-copies.ts'
import type { Link, Server } from '../src/connection/link.ts'
import { Keyspace } from '../src/keys/keyspace.ts'

const HOUR = 3_600_000

/** A server that reports the changes it is told to. */
class Node extends EventEmitter {
  status = 'ready'
  options = {}
  duplicate = vi.fn(() => this)
  connect = async () => void this.emit('ready')
  client = async () => 1
  call = async () => 'OK'
  subscribe = async () => 1
  ping = async () => 'PONG'
  disconnect = vi.fn()
  set = async (name: string) => this.hear([name])

  hear(names: readonly string[] | null): void {
    this.emit('messageBuffer', 'channel', names?.map((name) => Buffer.from(name)) ?? null)
  }
}

describe('copies of values', () => {
  let nodes: [Node, Node]
  let present: readonly number[]
  let owner: number
  let changed: () => void
  let answer: PromiseWithResolvers<Found>
  let keys: Keyspace
  let copies: LocalCopies

  const open = (namespace: string, maxTtl = HOUR) => {
    const link = {
      servers: () => present.map((at): Server => ({ id: `${at}`, client: nodes[at] as unknown as Redis, slot: at })),
      ownerOf: () => `${owner}`,
      lookAgain() {},
      watchServers(look: () => void) {
        changed = look
        return () => {}
      },
    }
    const options = { store: {}, maxStale: 60_000, maxTtl }
    keys = new Keyspace(namespace, true)
    copies = new LocalCopies(link as unknown as Link, keys, options, () => answer.promise)
    copies.open({ removed() {}, error() {} })
  }
  const read = (key: string) => copies.read(key, keys.value(key))
  const isLive = () => vi.waitUntil(() => copies.report.live)
  const found = async (value: unknown, timeLeft = HOUR) => {
    answer.resolve({ value, timeLeft })
    await answer.promise
  }

  beforeEach(() => {
    nodes = [new Node(), new Node()]
    present = [0, 1]
    owner = 0
    answer = Promise.withResolvers()
  })
  afterEach(() => copies.close())

  it('are kept of what was read, until the server reports a change', async () => {
    open('p:')
    await isLive()
    const reading = read('k')
    await found('value')
    expect(await reading).toBe('value')
    expect(copies.getNow('k')).toBe('value')
    nodes[0].hear([keys.value('k')])
    expect(copies.getNow('k')).toBe(MISS)
  })

  const move = () => {
    owner = 1
  }
  const leave = () => {
    present = [1]
    changed()
  }
  it.each([
    ['its server reports that all keys may have changed', () => nodes[0].hear(null)],
    ['it is deleted by a pattern', () => copies.dropMatch('k*')],
    ['it is moved to another server', move],
    ['its server leaves', leave],
  ])('are not kept of what is being read while %s', async (_, happens) => {
    open('p:')
    await isLive()
    const reading = read('k')
    happens()
    await found('value')
    expect(await reading).toBe('value')
    expect(copies.getNow('k')).toBe(MISS)
  })

  it('are not kept of what has expired when the answer comes', async () => {
    open('p:')
    await isLive()
    const reading = read('k')
    await found('value', 0)
    expect(await reading).toBe('value')
    expect(copies.getNow('k')).toBe(MISS)
  })

  it('live no longer than they may, even if their keys do', async () => {
    open('p:', 30)
    await isLive()
    const reading = read('k')
    await found('value')
    await reading
    await vi.waitUntil(() => copies.getNow('k') === MISS)
    expect(copies.report.live).toBe(true)
  })

  it('count as refused only while they are read: a read that is over leaves nothing behind', async () => {
    open('p:')
    await isLive()
    const reading = read('k')
    await found(MISS)
    expect(await reading).toBe(MISS)
    nodes[0].hear([keys.value('k')])
    expect(copies.report.refused).toBe(0)
  })

  it('need the connection to a server no more when it has left', async () => {
    open('p:')
    await isLive()
    leave()
    expect(nodes[0].disconnect).toHaveBeenCalledOnce()
    expect(nodes[1].disconnect).not.toHaveBeenCalled()
  })

  it('need one server only if the namespace is in one slot', async () => {
    open('{p}:')
    await isLive()
    expect(nodes.map(({ duplicate }) => duplicate.mock.calls.length)).toEqual([1, 0])
  })
})

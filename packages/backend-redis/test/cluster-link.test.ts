import { EventEmitter } from 'node:events'
import { BackendError, BackendUnavailableError } from '@cashews/core'
import type { Cluster, Command } from 'ioredis'
import { describe, expect, it, vi } from 'vitest'
import { ClusterLink } from '../src/connection/cluster-link.ts'

const SLOTS = 16_384

/** A client of a Cluster of one node, whose connections break while it is away. */
class OneNode extends EventEmitter {
  status = 'ready'
  isAway = false
  readonly slots = Array.from({ length: SLOTS }, () => ['node:1'])

  nodes() {
    const ping = async (message: string) => message
    return [{ options: { host: 'node', port: 1 }, status: 'ready', ping, cluster: async () => 'cluster_state:ok' }]
  }

  refreshSlotsCache(): void {}

  sendCommand(command: Command): Promise<unknown> {
    if (this.isAway) command.reject(new Error('Connection is closed.'))
    else command.resolve('answer' as never)
    return command.promise
  }
}

it('asks the nodes of a Cluster again once one has answered a probe: or the store was away again at once', async () => {
  const client = new OneNode()
  const link = new ClusterLink('node:1', () => client as unknown as Cluster, false)
  await link.open()
  const ask = () => link.send({ name: 'get', args: ['key'], key: 'key' })

  client.isAway = true
  await expect(ask()).rejects.toThrow('Connection is closed')
  client.isAway = false
  await expect(ask()).rejects.toThrow('No node of the Redis Cluster answers')
  expect(await link.ping('probe')).toBe('probe')
  expect(await ask()).toBe('answer')
  await link.close()
})

/** A client of a Cluster that knows these masters and slots. */
class SeveralNodes extends EventEmitter {
  status = 'ready'
  masters = ['a', 'b']
  readonly slots = Array.from({ length: SLOTS }, (_, slot) => [slot < SLOTS / 2 ? 'a:1' : 'b:1'])
  ping = async (message: string): Promise<string> => message
  cluster = async (): Promise<string> => 'cluster_state:ok'

  nodes() {
    const { ping, cluster } = this
    return this.masters.map((host) => ({ options: { host, port: 1 }, status: 'ready', ping, cluster }))
  }
}

describe('the servers of a Cluster', () => {
  const opened = async () => {
    const client = new SeveralNodes()
    const link = new ClusterLink('a:1', () => client as unknown as Cluster, false)
    await link.open()
    return { client, link }
  }

  it('are different ones after a slot has moved or a server has joined, but not while one is away', async () => {
    const { client, link } = await opened()
    const changed = vi.fn()
    const before = client.eventNames().length
    const stop = link.watchServers(changed)
    const changesAfter = async (event: string) => {
      client.emit(event)
      await null
      return changed.mock.calls.length
    }
    expect(await changesAfter('refresh')).toBe(0)
    client.slots[5] = ['b:1']
    expect(await changesAfter('refresh')).toBe(1)
    expect(await changesAfter('refresh')).toBe(1)
    client.masters = ['a']
    expect(await changesAfter('-node')).toBe(1)
    client.masters = ['a', 'b']
    expect(await changesAfter('+node')).toBe(1)
    client.masters = ['a', 'b', 'c']
    expect(await changesAfter('+node')).toBe(2)
    expect(await changesAfter('ready')).toBe(2)
    stop()
    expect(client.eventNames().length).toBe(before)
    await link.close()
  })

  it('lack one that has slots and is away', async () => {
    const { client, link } = await opened()
    expect(link.missing()).toBeUndefined()
    client.slots[7] = undefined as never
    client.masters = ['a']
    expect(link.missing()).toBe('b:1')
    await link.close()
  })

  it('answer a ping when one of them does, even if none may say how the Cluster is', async () => {
    const { client, link } = await opened()
    client.cluster = () => Promise.reject(new Error('NOPERM'))
    let asked = 0
    client.ping = async (message) => {
      if (asked++ === 0) throw new Error('Connection is closed.')
      return message
    }
    expect(await link.ping('probe')).toBe('probe')
    await link.close()
  })

  it('are unreachable when none answers a ping, or none is known', async () => {
    const { client, link } = await opened()
    client.ping = () => Promise.reject(new Error('Connection is closed.'))
    const why = expect.objectContaining({
      code: 'CASHEWS_BACKEND_UNAVAILABLE',
      message: expect.stringContaining('is closed'),
    })
    await expect(link.ping('probe')).rejects.toEqual(why)
    client.masters = []
    await expect(link.ping('probe')).rejects.toBeInstanceOf(BackendError)
    expect(() => link.subscriber()).toThrow(BackendUnavailableError)
    expect(link.isPartlyThere()).toBe(false)
    await link.close()
  })
})

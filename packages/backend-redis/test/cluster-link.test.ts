import { EventEmitter } from 'node:events'
import type { Cluster, Command } from 'ioredis'
import { expect, it } from 'vitest'
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

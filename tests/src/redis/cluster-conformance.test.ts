import { describePlace } from '../support/redis/conformance.ts'
import { redisCluster } from '../support/redis/shared.ts'

const namespace = `kit:${crypto.randomUUID()}:`
const without = ['severalKeys'] as const

describePlace('a cluster', () => ({ cluster: redisCluster(), namespace }), { without })
describePlace('a cluster, in one slot', () => ({ cluster: redisCluster(), namespace: `{${namespace}}` }))
describePlace(
  'a cluster with a client-side cache',
  () => ({ cluster: redisCluster(), namespace: `near:${namespace}` }),
  { nearby: true, without },
)

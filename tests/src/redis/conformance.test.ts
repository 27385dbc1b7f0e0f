import { describePlace } from '../support/redis/conformance.ts'
import { redisUrl } from '../support/redis/shared.ts'

const namespace = `kit:${crypto.randomUUID()}:`

describePlace('redis', () => ({ url: redisUrl(), namespace }))
describePlace('redis with a client-side cache', () => ({ url: redisUrl(), namespace: `near:${namespace}` }), {
  nearby: true,
})

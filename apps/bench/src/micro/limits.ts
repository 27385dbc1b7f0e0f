import { strictEqual } from 'node:assert'
import { circuitBreaker, RateLimitError, rateLimit } from '@cashews/strategies'
import * as cockatiel from 'cockatiel'
import CircuitBreaker from 'opossum'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { cashews, HOUR } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import { ids } from '../users.ts'

/**
 * G3: an allowed and a blocked call of a rate limit, and a call through a closed circuit breaker. Ours opens at a share of
 * failed calls in a sliding period, like the sampling breaker of cockatiel. Its consecutive breaker counts only failures in a
 * row, so it has no bar.
 */
await run(async () => {
  const PLENTY = 1e9
  const cache = await cashews('none')
  const work = async (id: string) => id
  const allowed = rateLimit(cache, { limit: PLENTY, period: '1h', key: 'allowed:{id}' }, work)
  const blocked = rateLimit(cache, { limit: 1, period: '1h', key: 'blocked:{id}' }, work)
  const flexible = (points: number) => new RateLimiterMemory({ points, duration: 3_600 })
  const [plenty, few] = [flexible(PLENTY), flexible(1)]
  for (const id of ids) {
    await blocked(id)
    await few.consume(id)
  }

  const guarded = circuitBreaker(cache, { errorsRate: 50, period: '1h', ttl: '1m', key: 'breaker' }, work)
  const opossum = new CircuitBreaker(work, { timeout: false })
  const policy = (breaker: cockatiel.IBreaker) =>
    cockatiel.circuitBreaker(cockatiel.handleAll, { halfOpenAfter: 60_000, breaker })
  const sampling = policy(new cockatiel.SamplingBreaker({ threshold: 0.5, duration: HOUR, minimumRps: 1 }))
  const consecutive = policy(new cockatiel.ConsecutiveBreaker(5))

  const runs = (call: (id: string) => Promise<unknown>) => async () => strictEqual(await call('x'), 'x')
  const refuses = (call: (id: string) => Promise<unknown>) => async () =>
    strictEqual(await call(ids[0] as string).catch(() => 'refused'), 'refused')

  const ignore = () => undefined

  strictEqual(await blocked(ids[0] as string).catch((error: unknown) => error instanceof RateLimitError), true)
  const consumeAndRun = async (id: string) => {
    await plenty.consume(id)
    return work(id)
  }
  const consumeFew = (id: string) => few.consume(id)

  return [
    ...(await compare({
      lane: 'G3',
      what: 'a call that a rate limit allows',
      ours: {
        name: 'cashews',
        batch: async () => {
          for (const id of ids) await allowed(id)
        },
        check: runs(allowed),
      },
      peers: [
        {
          name: 'rate-limiter-flexible',
          bar: { atLeast: 2.2, aim: 3.3 },
          batch: async () => {
            for (const id of ids) await consumeAndRun(id)
          },
          check: runs(consumeAndRun),
        },
      ],
    })),
    ...(await compare({
      lane: 'G3',
      what: 'a call that a rate limit blocks',
      ours: {
        name: 'cashews',
        batch: async () => {
          for (const id of ids) await blocked(id).catch(ignore)
        },
        check: refuses(blocked),
      },
      peers: [
        {
          name: 'rate-limiter-flexible',
          bar: { atLeast: 6, aim: 16 },
          batch: async () => {
            for (const id of ids) await consumeFew(id).catch(ignore)
          },
          check: refuses(consumeFew),
        },
      ],
    })),
    ...(await compare({
      lane: 'G3',
      what: 'a call through a closed circuit breaker',
      ours: {
        name: 'cashews',
        batch: async () => {
          for (const id of ids) await guarded(id)
        },
        check: runs(guarded),
      },
      peers: [
        {
          name: 'opossum',
          bar: { atLeast: 3, aim: 5.8 },
          batch: async () => {
            for (const id of ids) await opossum.fire(id)
          },
          check: runs((id) => opossum.fire(id)),
        },
        {
          name: 'cockatiel, sampling breaker',
          bar: { atLeast: 2.2, aim: 4 },
          batch: async () => {
            for (const id of ids) await sampling.execute(() => work(id))
          },
          check: runs((id) => sampling.execute(() => work(id))),
        },
        {
          name: 'cockatiel, consecutive breaker',
          batch: async () => {
            for (const id of ids) await consecutive.execute(() => work(id))
          },
          check: runs((id) => consecutive.execute(() => work(id))),
        },
      ],
    })),
  ]
})

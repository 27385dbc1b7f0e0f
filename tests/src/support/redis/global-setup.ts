import type { TestProject } from 'vitest/node'
import { startCluster } from './cluster.ts'
import { startRedis } from './redis-server.ts'

/** Where something is, or why it is not. */
type Place<T> = { readonly at: T } | { readonly error: string }

declare module 'vitest' {
  interface ProvidedContext {
    redis: Place<string>
    redisCluster: Place<readonly string[]>
  }
}

/** One server and one cluster for all tests that do no harm to them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started: AsyncDisposable[] = []
  const place = async <T>(start: () => Promise<T>): Promise<Place<T>> => {
    try {
      return { at: await start() }
    } catch (error) {
      // To throw here would stop the other projects too: each Redis test says it instead.
      return { error: error instanceof Error ? error.message : String(error) }
    }
  }
  const keep = <T extends AsyncDisposable>(server: T): T => {
    started.push(server)
    return server
  }
  const url = process.env.REDIS_URL
  project.provide('redis', await place(async () => url ?? keep(await startRedis()).url))
  const trustedCluster = async () => {
    const cluster = keep(await startCluster())
    await cluster.trustItsNodes()
    return cluster.addresses
  }
  project.provide('redisCluster', await place(trustedCluster))
  return async () => {
    await Promise.all(started.map((server) => server[Symbol.asyncDispose]()))
  }
}

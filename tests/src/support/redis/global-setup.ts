import type { TestProject } from 'vitest/node'
import { startCluster } from './cluster.ts'
import { startRedis } from './redis-server.ts'

/** The address of a server, or the reason why it did not start. */
type Place<T> = { readonly at: T } | { readonly error: string }

declare module 'vitest' {
  interface ProvidedContext {
    redis: Place<string>
    redisCluster: Place<readonly string[]>
  }
}

/** Starts one server and one cluster for all tests that do not disturb them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started: AsyncDisposable[] = []
  const place = async <T>(start: () => Promise<T>): Promise<Place<T>> => {
    try {
      return { at: await start() }
    } catch (error) {
      // An error here would stop the other projects too, so each Redis test throws it.
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

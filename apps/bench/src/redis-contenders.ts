import { spawnSync } from 'node:child_process'
import { type ClientSideOptions, type RedisBackend, redis } from '@cashews/backend-redis'
import { type Cache, createCache } from '@cashews/core'
import { type RedisServer, startRedis } from '@cashews/tests/redis-server'
import KeyvRedis from '@keyv/redis'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'
import { createCache as createManager } from 'cache-manager'
import { Redis } from 'ioredis'
import { Keyv } from 'keyv-5'
import { Loader } from 'layered-loader/core'
import { createNotificationPair, RedisCache } from 'layered-loader/redis'
import { createClient } from 'redis'
import { HOUR } from './contenders.ts'
import { CAPACITY, type User } from './users.ts'

/** A Redis server, and the contenders on it. Each has connections of its own. */
export class RedisContenders implements AsyncDisposable {
  readonly server: RedisServer
  readonly #toClose: (() => unknown)[] = []

  static async start(): Promise<RedisContenders> {
    return new RedisContenders(await startRedis())
  }

  private constructor(server: RedisServer) {
    this.server = server
  }

  /** Our cache, with or without client-side copies. */
  async cashews(clientSide: boolean | ClientSideOptions = false): Promise<{ cache: Cache; backend: RedisBackend }> {
    const backend = redis({ url: this.server.url, namespace: `cashews:${this.#toClose.length}:`, clientSide })
    const cache = createCache().setup(backend, { suppress: false, readTimeout: '1m', writeTimeout: '1m' })
    this.#toClose.push(() => cache.close())
    await cache.init()
    return { cache, backend }
  }

  /** The client for code written by hand. */
  ioredis(): Redis {
    const client = new Redis(this.server.url)
    this.#toClose.push(() => client.disconnect())
    return client
  }

  async nodeRedis() {
    const client = createClient({ url: this.server.url })
    this.#toClose.push(() => client.destroy())
    await client.connect()
    return client
  }

  /** Bentocache, with a memory in this process and its bus, or on Redis alone. */
  bento({ memory }: { readonly memory: boolean }) {
    const connection = this.#place
    const onRedis = bentostore().useL2Layer(redisDriver({ connection, prefix: `bento:${memory}` }))
    const store = memory
      ? onRedis.useL1Layer(memoryDriver({ maxItems: CAPACITY })).useBus(redisBusDriver({ connection }))
      : onRedis
    const bento = new BentoCache({ default: 'redis', ttl: '1h', stores: { redis: store } })
    this.#toClose.push(() => bento.disconnectAll())
    return bento
  }

  /** layered-loader with a memory in this process, Redis behind it, and its notifications. */
  async layered(load: (id: string) => Promise<User>): Promise<Loader<User>> {
    const { publisher, consumer } = createNotificationPair<User>({
      channel: 'layered',
      publisherRedis: this.#place,
      consumerRedis: this.#place,
    })
    const loader = new Loader<User>({
      inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: HOUR, maxItems: CAPACITY },
      asyncCache: new RedisCache<User>(this.ioredis(), { json: true, prefix: 'layered', ttlInMsecs: HOUR }),
      notificationPublisher: publisher,
      notificationConsumer: consumer,
      dataSourceGetOneFn: load,
    })
    this.#toClose.push(() => loader.close())
    await loader.init()
    return loader
  }

  /** Its adapter is made for keyv 5. */
  keyv(): Keyv {
    const keyv = new Keyv({ store: new KeyvRedis(this.server.url), ttl: HOUR })
    this.#toClose.push(() => keyv.disconnect())
    return keyv
  }

  cacheManager() {
    return createManager({ stores: [this.keyv()], ttl: HOUR })
  }

  /** Adds something to close before the server. */
  toClose(close: () => unknown): void {
    this.#toClose.push(close)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#toClose) await close()
    await this.server[Symbol.asyncDispose]()
  }

  get #place() {
    return { host: '127.0.0.1', port: this.server.port }
  }
}

/**
 * Binds this process and the server to one CPU, where that is possible. They wait for each other in turns, and so never wait
 * for another CPU to wake up.
 */
export function onOneCpu(server: RedisServer): void {
  for (const pid of [process.pid, server.pid]) spawnSync('taskset', ['-a', '-p', '-c', '0', `${pid}`])
}

export type { ClientSideReport } from './local-copies.ts'
export { type RedisBackend, type RedisDriver, redis } from './redis.ts'
export type { Address, ClientSideOptions, RedisOptions } from './settings.ts'

export type { ClientSideReport } from './client-side/local-copies.ts'
export { type RedisBackend, type RedisDriver, redis } from './redis.ts'
export type { Address, ClientSideOptions, RedisOptions } from './settings/settings.ts'

export type { ClientSideReport } from './local-copies.ts'
export { type RedisDriver, redis } from './redis.ts'
export { RedisBackend } from './redis-backend.ts'
export type { Address, ClientSideOptions, RedisOptions } from './settings.ts'

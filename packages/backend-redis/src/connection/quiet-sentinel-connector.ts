import { type Redis, type RedisOptions, SentinelConnector } from 'ioredis'

/** The method of ioredis' connector that is overridden. In a version without it, only the console output would differ. */
interface Connecting {
  connectToSentinel(...details: unknown[]): Redis
}

const Base = SentinelConnector as unknown as new (options: object) => Connecting

/** Finds a master as ioredis does, without its console output at each attempt to reach a Sentinel that is down. */
class Quiet extends Base {
  override connectToSentinel(...details: unknown[]): Redis {
    return super.connectToSentinel(...details).on('error', () => {})
  }
}

export const QuietSentinelConnector = Quiet as unknown as NonNullable<RedisOptions['Connector']>

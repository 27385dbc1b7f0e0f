import { type Redis, type RedisOptions, SentinelConnector } from 'ioredis'

/** The part of ioredis' connector that this one changes. Without it nothing changes, but for what the console shows. */
interface Connecting {
  connectToSentinel(...details: unknown[]): Redis
}

const Base = SentinelConnector as unknown as new (options: object) => Connecting

/** Finds a master as ioredis does. Of a Sentinel that is away ioredis would write on the console each time it looks for it. */
class Quiet extends Base {
  override connectToSentinel(...details: unknown[]): Redis {
    return super.connectToSentinel(...details).on('error', () => {})
  }
}

export const QuietSentinelConnector = Quiet as unknown as NonNullable<RedisOptions['Connector']>

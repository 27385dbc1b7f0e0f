import { disk } from '@cashews/backend-disk'
import { freshDirectory } from '../support/disk/fresh-directory.ts'
import { patient } from '../support/helpers.ts'
import { describeInside, type StoreInside } from '../support/inside-transaction.ts'
import { redisStores } from '../support/redis/stores.ts'

const onDisk = (shards: number): StoreInside => [
  `disk, ${shards === 1 ? '1 shard' : `${shards} shards`}`,
  (clock) => patient(disk({ directory: freshDirectory(), shards, clock })),
]

// Among the faults because the kit in every mode takes a minute, too long for each run of the tests.
describeInside([...redisStores.map(({ name, create }) => [name, create] as const), onDisk(1), onDisk(8)])

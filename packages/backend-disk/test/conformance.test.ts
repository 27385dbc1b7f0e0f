import { disk } from '@cashews/backend-disk'
import { describeBackend, handClock } from '@cashews/conformance'
import { afterAll } from 'vitest'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'

const clock = handClock()
for (const shards of [1, 8]) {
  const directory = freshDirectory(afterAll)
  describeBackend(`disk, ${shards} shards`, () => disk({ directory, shards, clock }), {
    elapse: clock.elapse,
    shared: true,
    unreachable: () => disk({ directory: '/dev/null/nowhere' }),
    model: { runs: 25 },
  })
}

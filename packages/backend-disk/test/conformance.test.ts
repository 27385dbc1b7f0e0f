import { disk } from '@cashews/backend-disk'
import { describeBackend, handClock } from '@cashews/conformance'
import { temporaryDirectory } from './support.ts'

const clock = handClock()
for (const shards of [1, 8]) {
  const directory = temporaryDirectory()
  describeBackend(`disk, ${shards} shards`, () => disk({ directory, shards, clock }), {
    elapse: clock.elapse,
    shared: true,
    unreachable: () => disk({ directory: '/dev/null/nowhere' }),
    model: { runs: 25 },
  })
}

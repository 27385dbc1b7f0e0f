import { memory } from '@cashews/backend-memory'
import { describeBackend, handClock } from '@cashews/conformance'

const clock = handClock()

describeBackend('memory', () => memory({ clock }), { elapse: clock.elapse })
describeBackend('memory, measured in bytes', () => memory({ clock, maxBytes: 100_000_000 }), { elapse: clock.elapse })
describeBackend('memory, in real time', () => memory())

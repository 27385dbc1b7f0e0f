import { memory } from '@cashews/backend-memory'
import { describeBackend, handClock } from '@cashews/conformance'

const clock = handClock()
describeBackend('memory', () => memory({ clock }), { elapse: clock.elapse })
describeBackend('memory, in real time', () => memory())
describeBackend('memory, bounded by bytes', () => memory({ clock, maxBytes: 2 ** 30 }), { elapse: clock.elapse })

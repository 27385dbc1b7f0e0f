// Run by ../describe-backend.test.ts under node:test, where nothing awaits and nothing is global.
import { describeBackend, handClock, reference } from '@cashews/conformance'
import { completeBackend } from '@cashews/core'

const clock = handClock()
const broken = process.argv.includes('--broken')
const create = () => {
  const store = reference({ clock })
  return broken ? completeBackend({ ...store, ping: () => 'PONG' }) : store
}
describeBackend('reference', create, { elapse: clock.elapse })
describeBackend('without bits', () => completeBackend({ ...reference({ clock }), bits: false }), {
  elapse: clock.elapse,
  without: ['bits'],
})

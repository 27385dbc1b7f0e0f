import { memory } from '@cashews/backend-memory'
import { reference } from '@cashews/conformance'
import { describeInside } from './support/inside-transaction.ts'

describeInside([
  ['memory', (clock) => memory({ clock })],
  ['the reference backend', (clock) => reference({ clock })],
])

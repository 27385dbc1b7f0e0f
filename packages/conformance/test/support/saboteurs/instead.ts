import type { Tags } from '@cashews/core'
import type { RichBackend } from '../rich-reference.ts'
import type { Saboteur } from './tools.ts'

/** Replaces members of the tags. */
export const instead =
  (change: (tags: RichBackend['tags'], store: RichBackend) => Partial<Tags>): Saboteur =>
  (store) => ({ tags: { ...store.tags, ...change(store.tags, store) } })

import type { Tags } from '@cashews/core'
import type { View } from './view.ts'

/** Tags as a transaction sees them: those it has given and deleted itself first, then those of the store. */
export function tagsView(view: View, store: Tags): Tags {
  return {
    set: (key, value, lifetime, tags, { exists } = {}) => view.set(key, value, lifetime, exists, tags),
    setMany: (entries, lifetime, tags) => view.setMany(entries, lifetime, tags),
    incr: (key, by, lifetime, tags) => view.incrTagged(key, by, lifetime, tags),
    delete: (tags) => view.dropTags(tags, false),
    expire: (tags) => view.dropTags(tags, true),
    of: (key) => view.tagsOf(key, store),
    stale: (key) => view.stale(key, store),
  }
}

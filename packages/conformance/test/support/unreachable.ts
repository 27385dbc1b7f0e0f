import { BackendUnavailableError } from '@cashews/core'
import type { RichBackend } from './rich-reference.ts'

/** Puts a backend where its store cannot be reached: it opens, and then the members fail that every store has. */
export function unreachable(store: RichBackend): RichBackend {
  const fail = () => Promise.reject(new BackendUnavailableError('Nobody answers.'))
  return {
    ...store,
    get: fail,
    set: fail,
    delete: fail,
    incr: fail,
    scan: async function* () {
      yield await fail()
    },
    clear: fail,
    inspect: fail,
    apply: fail,
  }
}

import { type Backend, completeBackend } from '@cashews/core'
import type { View } from './view.ts'

/** A view as a backend, with the members that most transactions need. */
class ViewBackend implements Pick<Backend, 'name' | 'get' | 'getMany' | 'set' | 'delete'> {
  readonly name: string
  readonly get: Backend['get']
  readonly getMany: Backend['getMany']
  readonly set: Backend['set']
  readonly delete: Backend['delete']
  readonly #view: View
  #whole: Backend | undefined

  constructor(view: View) {
    this.name = view.name
    this.#view = view
    this.get = (key) => view.reader.get(key)
    this.getMany = (keys) => view.reader.getMany(keys)
    this.set = (key, value, lifetime, exists) => view.set(key, value, lifetime, exists)
    this.delete = (key) => view.delete(key)
  }

  /** The backend with all members, made on demand: making it takes longer than most transactions. */
  get whole(): Backend {
    this.#whole ??= completeBackend(this.#view)
    return this.#whole
  }
}

/** The members of a backend that a view has and {@link ViewBackend} leaves to {@link ViewBackend.whole}. */
const OTHERS: { readonly [M in Exclude<RequiredMember, keyof ViewBackend>]: true } = {
  open: true,
  close: true,
  incr: true,
  scan: true,
  clear: true,
  inspect: true,
  apply: true,
  now: true,
  setMany: true,
  deleteMany: true,
  deleteMatch: true,
  exists: true,
  expire: true,
  timeLeft: true,
  size: true,
  count: true,
  ping: true,
  getRaw: true,
  setRaw: true,
  bits: true,
  windows: true,
  sets: true,
  locks: true,
  tags: true,
  leases: true,
  guard: true,
}

/** The members that a view has: the required ones, and these of the optional ones. */
type RequiredMember =
  | { [M in keyof Backend]-?: undefined extends Backend[M] ? never : M }[keyof Backend]
  | 'now'
  | 'leases'
  | 'guard'

const FullViewBackend: typeof ViewBackend = /* @__PURE__ */ withOthers()

function withOthers(): typeof ViewBackend {
  for (const member of Object.keys(OTHERS) as (keyof Backend)[])
    Object.defineProperty(ViewBackend.prototype, member, {
      get(this: ViewBackend) {
        return this.whole[member]
      },
    })
  return ViewBackend
}

/** Makes a complete backend of a view. */
export function backendOf(view: View): Backend {
  return new FullViewBackend(view) as ViewBackend & Backend
}

import type { Milliseconds } from '../backend.ts'
import { getOrMake } from '../basics/get-or-make.ts'
import type { CallOf, Command } from '../command.ts'
import { Deadline } from './deadline.ts'

const READS: ReadonlySet<Command> = /* @__PURE__ */ new Set<Command>([
  'get',
  'getMany',
  'getRaw',
  'getMatch',
  'scan',
  'exists',
  'getExpire',
  'getSize',
  'isLocked',
  'getBits',
  'getTags',
  'ping',
])
/** Commands whose time grows with the number of keys in the store. */
const BULK: ReadonlySet<Command> = /* @__PURE__ */ new Set<Command>(['clear', 'deleteMatch', 'getKeysCount'])
const BULK_TIMEOUT: Milliseconds = 60_000
/** The lists of commands whose time grows with the length of the list. */
const LISTS: { readonly [C in Command]?: keyof CallOf<C> } = {
  getMany: 'keys',
  setMany: 'entries',
  deleteMany: 'keys',
  getBits: 'indexes',
  incrBits: 'indexes',
  setAdd: 'members',
  setRemove: 'members',
  deleteTags: 'tags',
  expireTags: 'tags',
}
/** The longest list that gets the timeout of a single command. */
const LISTED_PER_TIMEOUT = 1_000

/** How long the commands on one store may take. */
export class Deadlines {
  readonly write: Deadline
  /** For commands on all keys. */
  readonly bulk: Deadline = new Deadline(BULK_TIMEOUT)
  readonly #read: Deadline
  /** For commands with long lists, by timeout. */
  readonly #long = new Map<Milliseconds, Deadline>()

  constructor(readTimeout: Milliseconds, writeTimeout: Milliseconds) {
    this.#read = new Deadline(readTimeout)
    this.write = new Deadline(writeTimeout)
  }

  of(call: { readonly command: Command }): Deadline {
    const { command } = call
    if (BULK.has(command)) return this.bulk
    const usual = READS.has(command) ? this.#read : this.write
    const list = LISTS[command]
    return list === undefined ? usual : this.#forList(usual, call[list as 'command'] as unknown as readonly unknown[])
  }

  /** Stops the timers, unless something still waits. */
  stop(): void {
    for (const deadline of [this.#read, this.write, this.bulk, ...this.#long.values()]) deadline.stop()
  }

  /** Doubled until it is long enough, so that there are few. */
  #forList(usual: Deadline, { length }: { readonly length: number }): Deadline {
    if (length <= LISTED_PER_TIMEOUT) return usual
    const timeout = usual.timeout * 2 ** Math.ceil(Math.log2(length / LISTED_PER_TIMEOUT))
    return getOrMake(this.#long, timeout, () => new Deadline(timeout))
  }
}

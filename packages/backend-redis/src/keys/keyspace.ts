import { CommandError, ConfigurationError, checkText, escapeGlob, keyOfLock } from '@cashews/core'
import { slotOf } from './slot.ts'
import { tagOfSlot } from './slot-tags.ts'

/** The prefix of names that belong to a key but are not its value. */
const ASIDE = '~'
/** The prefix of the name of a value whose key begins with {@link ASIDE}. */
const ESCAPED = '~='

/** The longest key, in UTF-16 units: the contract asks for no more, and each command carries its keys. */
const LONGEST_KEY = 65_536

/** A hash tag as Redis Cluster reads it: from the first brace to the next closing one, and not empty. */
const HASH_TAG = /^[^{]*\{[^}]+\}[^{}]*$/

/**
 * The names of keys in Redis. A value is stored as `namespace + key`. What belongs to it, such as a lock, is stored as
 * `namespace + '~lock:' + key`; on a Cluster, with a hash tag that keeps it in the slot of the value.
 */
export class Keyspace {
  readonly namespace: string
  readonly #tagged: boolean

  /** @throws {ConfigurationError} When the namespace is empty, or braces in it are not a whole hash tag. */
  constructor(namespace: string, isCluster: boolean) {
    if (namespace === '')
      throw new ConfigurationError(
        "The namespace of redis must not be empty: clear would delete every key of the database. Give a short one, such as 'c:'.",
      )
    const hasBraces = /[{}]/.test(namespace)
    if (hasBraces && !HASH_TAG.test(namespace))
      throw new ConfigurationError(`Namespace "${namespace}" has stray braces. Write a whole hash tag, such as {app}:.`)
    if (namespace.includes('\0') || !namespace.isWellFormed())
      throw new ConfigurationError(`Namespace ${JSON.stringify(namespace)} must be plain text.`)
    this.namespace = namespace
    this.#tagged = isCluster && !hasBraces
  }

  /** @throws {CommandError} On a key that is too long, or that UTF-8 cannot hold. */
  value(key: string): string {
    refuseUnfit(key)
    return this.namespace + (key.startsWith(ASIDE) ? ESCAPED + key : key)
  }

  /** The name of a lock, which is in the slot of its key. */
  lock(name: string): string {
    const key = keyOfLock(name)
    refuseUnfit(key)
    return this.#aside('lock', name, key)
  }

  lease(key: string): string {
    return this.#aside('lease', key)
  }

  /** The key of a value, by its name; `undefined` for a name that is not of a value. */
  keyOf(name: string): string | undefined {
    const { length } = this.namespace
    if (!name.startsWith(ASIDE, length)) return name.slice(length)
    return name.startsWith(ESCAPED, length) ? name.slice(length + ESCAPED.length) : undefined
  }

  /** The key of a lease, by its name; `undefined` for a name that is not of a lease. */
  keyOfLease(name: string): string | undefined {
    const start = `${this.namespace}${ASIDE}lease:`
    if (!name.startsWith(start)) return undefined
    return name.slice(this.#tagged ? name.indexOf('}', start.length) + 1 : start.length)
  }

  /**
   * A pattern for `SCAN … MATCH` that finds at least the keys that match `pattern`. Redis counts bytes where a glob counts
   * characters, so single characters and classes become `*`, and the keys that are found have to be matched again.
   */
  scanPattern(pattern: string): string {
    return `${escapeGlob(this.namespace)}*${widened(pattern)}`
  }

  /** The same for leases on keys. */
  leasePattern(pattern: string): string {
    return `${escapeGlob(this.namespace)}${ASIDE}lease:*${widened(pattern)}`
  }

  /** A name for a test write, in a given slot. */
  canary(slot: number | undefined, id: string): string {
    return this.#named('canary', slot, id)
  }

  /** Whether the namespace has a hash tag, so that all keys are in one slot. */
  get isPinned(): boolean {
    return this.namespace.includes('{')
  }

  /** The slot of a key; `undefined` if all keys can be used in one command. */
  slot(key: string): number | undefined {
    return this.#tagged ? slotOf(this.value(key)) : undefined
  }

  #aside(what: string, key: string, beside = key): string {
    return this.#named(what, this.slot(beside), key)
  }

  #named(what: string, slot: number | undefined, key: string): string {
    const tag = slot === undefined || !this.#tagged ? '' : `{${tagOfSlot(slot)}}`
    return `${this.namespace}${ASIDE}${what}:${tag}${key}`
  }
}

function refuseUnfit(key: string): void {
  checkText('key', key)
  if (key.length <= LONGEST_KEY) return
  throw new CommandError(
    `A key of ${key.length} characters is too long for Redis: ${LONGEST_KEY} is the most. Hash it.`,
  )
}

function widened(pattern: string): string {
  return pattern.replace(/\\[\s\S]|\?|\[\^?(?:\\[\s\S]|[^\]\\])*\]?/g, (part) => (part.startsWith('\\') ? part : '*'))
}

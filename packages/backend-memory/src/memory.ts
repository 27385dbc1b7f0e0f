import {
  type Clock,
  checkKnown,
  checkThat,
  type Driver,
  optionsFromUrl,
  overridden,
  parseTtl,
  redact,
  type Ttl,
} from '@cashews/core'
import { EVICTION, type Eviction } from './entries/eviction.ts'
import { MemoryBackend } from './memory-backend.ts'
import { ISOLATION } from './values/isolation.ts'

/** Settings of {@link memory}. */
export interface MemoryOptions {
  /** The maximum number of entries, up to 4,194,304; beyond it, entries are evicted. @default 10_000 */
  readonly size?: number | undefined
  /** About how many bytes keys and values may take together. A larger value is not stored. @default unlimited */
  readonly maxBytes?: number | undefined
  /**
   * How the values in the store are separated from those that callers hold: `clone` copies on write and on read, `freeze`
   * freezes what is written, and `none`, the fastest, trusts callers not to change anything.
   *
   * @default 'clone'
   */
  readonly isolation?: 'clone' | 'freeze' | 'none' | undefined
  /**
   * Which entry is evicted when there is no room: `lru`, the least recently used; `sieve`, the oldest that was not read for
   * a round. If some keys are asked for far more often than others, `sieve` has fewer misses.
   *
   * @default 'lru'
   */
  readonly eviction?: Eviction | undefined
  /** How often to remove expired entries that nobody asks for; `0` or `false`: never. @default '1s' */
  readonly checkInterval?: Ttl | false | undefined
  /** Tells the time. @default the system clock */
  readonly clock?: Clock | undefined
}

/** Creates a {@link MemoryBackend}, and teaches a cache `mem://` URLs. */
export interface MemoryDriver extends Driver {
  (options?: MemoryOptions): MemoryBackend
  fromUrl(url: string, overrides?: Readonly<Record<string, unknown>>): MemoryBackend
}

/** A Map of V8 has room for 2 ** 24 keys, and before it is rehashed, deleted ones count too. */
const MOST_ENTRIES = 2 ** 22

/** The `checkInterval`s that turn the checks off. */
const OFF: readonly unknown[] = [0, false, '0', 'false', 'off']

const IN_URL = {
  size: 'integer',
  maxBytes: 'bytes',
  isolation: 'text',
  eviction: 'text',
  checkInterval: 'text',
} as const
const OPTIONS = [...Object.keys(IN_URL), 'clock']

/**
 * A store in the memory of this process, bounded in entries and optionally in bytes.
 *
 * @throws {ConfigurationError} When an option is unknown or cannot work.
 * @throws {TtlError} When `checkInterval` is not a duration.
 *
 * @example
 * cache.setup(memory({ size: 50_000, maxBytes: 64 * 1024 ** 2 }))
 * createCache({ drivers: [memory] }).setup('mem://?size=50000&max_bytes=64mb')
 */
export const memory: MemoryDriver = /* @__PURE__ */ Object.assign(create, {
  schemes: ['mem'],
  fromUrl(url: string, overrides?: Readonly<Record<string, unknown>>): MemoryBackend {
    const hasNoAddress = /^\w+:\/*([?#]|$)/.test(url)
    checkThat(hasNoAddress, `${redact(url)} has an address. Only options may follow, as in mem://?size=10000.`)
    return create(overridden(optionsFromUrl(url, IN_URL), overrides) as MemoryOptions)
  },
})

function create(options: MemoryOptions = {}): MemoryBackend {
  checkKnown('memory', options, OPTIONS)
  const { size = 10_000, maxBytes, isolation = 'clone', eviction = 'lru', checkInterval = 1, clock } = options
  const isUpTo = (most: number, value: number) => Number.isSafeInteger(value) && value >= 1 && value <= most
  checkThat(isUpTo(MOST_ENTRIES, size), `size of memory must be a whole number from 1 to ${MOST_ENTRIES}`, size)
  checkThat(
    maxBytes === undefined || isUpTo(Number.POSITIVE_INFINITY, maxBytes),
    'maxBytes of memory must be a whole number from 1 on, or left out',
    maxBytes,
  )
  checkChoice('isolation', isolation, ISOLATION)
  checkChoice('eviction', eviction, EVICTION)
  checkThat(
    clock === undefined || typeof clock?.now === 'function',
    'clock of memory must be an object with a method now()',
    clock,
  )
  return new MemoryBackend({
    size,
    maxBytes: maxBytes ?? Number.POSITIVE_INFINITY,
    isolation: ISOLATION[isolation],
    eviction,
    checkInterval: OFF.includes(checkInterval)
      ? Number.POSITIVE_INFINITY
      : parseTtl(checkInterval as Ttl, 'checkInterval (0: never)'),
    clock,
  })
}

function checkChoice(option: string, given: string, choices: object): void {
  const known = Object.keys(choices)
  checkThat(known.includes(given), `${option} of memory must be one of ${known.join(', ')}`, given)
}

import {
  type Clock,
  checkKnown,
  checkThat,
  type Driver,
  optionsFromUrl,
  overridden,
  parseTtl,
  type Ttl,
} from '@cashews/core'
import { EVICTION, type Eviction } from './eviction.ts'
import { ISOLATION } from './isolation.ts'
import { MemoryBackend } from './memory-backend.ts'

/** Settings of {@link memory}. */
export interface MemoryOptions {
  /** The most entries it keeps; beyond that one is evicted. @default 10_000 */
  readonly size?: number | undefined
  /** About how many bytes keys and values may take together. Larger than that, a single value is not kept. @default no bound */
  readonly maxBytes?: number | undefined
  /**
   * What keeps the values in the store apart from those that callers hold: `clone` copies on write and on read, `freeze`
   * freezes what is written, `none` trusts everybody and is the fastest.
   *
   * @default 'clone'
   */
  readonly isolation?: 'clone' | 'freeze' | 'none' | undefined
  /**
   * Which entry goes when there is no room: `lru`, the least recently used; `sieve`, the oldest that was not read for a
   * round. Where some keys are asked for far more often than others, `sieve` misses less.
   *
   * @default 'lru'
   */
  readonly eviction?: Eviction | undefined
  /** How often to remove what has expired and nobody asks for; `0` or `false`: never. @default '1s' */
  readonly checkInterval?: Ttl | false | undefined
  /** Where the time comes from. @default the clock of the machine */
  readonly clock?: Clock | undefined
}

/** Makes a {@link MemoryBackend}, and tells a cache what `mem://` is. */
export interface MemoryDriver extends Driver {
  (options?: MemoryOptions): MemoryBackend
  fromUrl(url: string, overrides?: Readonly<Record<string, unknown>>): MemoryBackend
}

/** V8's Map holds 2 ** 24 keys, and while it is rehashed the deleted ones count too. */
const MOST_ENTRIES = 2 ** 22

/** A `checkInterval` that is none. */
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
 * A store in the memory of this process, bounded by entries and optionally by bytes. It forgets with the process.
 *
 * @example
 * cache.setup(memory({ size: 50_000, maxBytes: 64 * 1024 ** 2 }))
 * createCache({ drivers: [memory] }).setup('mem://?size=50000&max_bytes=64mb')
 */
export const memory: MemoryDriver = /* @__PURE__ */ Object.assign(create, {
  schemes: ['mem'],
  fromUrl: (url: string, overrides?: Readonly<Record<string, unknown>>): MemoryBackend =>
    create(overridden(optionsFromUrl(url, IN_URL), overrides) as MemoryOptions),
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
  for (const [name, table] of Object.entries({ isolation: ISOLATION, eviction: EVICTION })) {
    const [given, known] = [{ isolation, eviction }[name], Object.keys(table)]
    checkThat(known.includes(given as string), `${name} of memory must be one of ${known.join(', ')}`, given)
  }
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
    checkInterval: OFF.includes(checkInterval) ? Number.POSITIVE_INFINITY : parseTtl(checkInterval as Ttl),
    clock,
  })
}

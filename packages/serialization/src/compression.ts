import * as zlib from 'node:zlib'
import { type Awaitable, ConfigurationError, checkKnown } from '@cashews/core'

export type CompressionAlgorithm = 'gzip' | 'brotli' | 'zstd'

/** Settings of compression. */
export interface CompressionOptions {
  readonly algorithm: CompressionAlgorithm
  /** Values of fewer bytes are left as they are. @default 1_024 */
  readonly threshold?: number
  /** From 1, fast, to 9 (gzip), 11 (brotli) or 22 (zstd), small. @default 1, for zstd 3 */
  readonly level?: number
}

type Level = number
type Done = (error: Error | null, bytes: Buffer) => void

interface Algorithm {
  readonly id: number
  readonly name: CompressionAlgorithm
  readonly level: Level
  readonly highest: Level
  readonly options: (level: Level) => object
  readonly isThere: boolean
  deflate(bytes: Buffer, options: object): Buffer
  inflate(bytes: Buffer, options: object): Buffer
  deflateLater(bytes: Buffer, options: object, done: Done): void
  inflateLater(bytes: Buffer, options: object, done: Done): void
}

const { constants } = zlib

const ALGORITHMS: readonly Algorithm[] = [
  {
    id: 1,
    name: 'gzip',
    level: 1,
    highest: 9,
    options: (level) => ({ level }),
    isThere: true,
    deflate: zlib.gzipSync,
    inflate: zlib.gunzipSync,
    deflateLater: zlib.gzip,
    inflateLater: zlib.gunzip,
  },
  {
    id: 2,
    name: 'brotli',
    level: 1,
    highest: 11,
    options: (level) => ({ params: { [constants.BROTLI_PARAM_QUALITY]: level } }),
    isThere: true,
    deflate: zlib.brotliCompressSync,
    inflate: zlib.brotliDecompressSync,
    deflateLater: zlib.brotliCompress,
    inflateLater: zlib.brotliDecompress,
  },
  {
    id: 3,
    name: 'zstd',
    level: 3,
    highest: 22,
    options: (level) => ({ params: { [constants.ZSTD_c_compressionLevel]: level } }),
    isThere: typeof zlib.zstdCompressSync === 'function',
    deflate: zlib.zstdCompressSync,
    inflate: zlib.zstdDecompressSync,
    deflateLater: zlib.zstdCompress,
    inflateLater: zlib.zstdDecompress,
  },
]

/** From here on a thread of its own is worth the way to it; below, it costs the main thread no less. */
const LARGE = 65_536

/** How far bytes may grow when they are read. */
export interface GrowthLimits {
  /** The most bytes that may come out. */
  readonly decoded: number
  /** The most bytes that may come out of each that went in. */
  readonly ratio: number
}

/** Makes payloads smaller that are worth it. */
export interface Compressor {
  /** Answers the smaller bytes and the number of the algorithm; `undefined` when it is not worth it. */
  compress(bytes: Buffer): Awaitable<Compressed | undefined>
}

interface Compressed {
  readonly algorithm: number
  readonly bytes: Buffer
}

/** @throws {ConfigurationError} On an algorithm that does not exist, or not in this Node, and on settings out of range. */
export function compressorOf(given: CompressionAlgorithm | CompressionOptions, { ratio }: GrowthLimits): Compressor {
  const {
    algorithm: name,
    threshold = 1_024,
    level,
    ...rest
  } = typeof given === 'object' && given !== null ? given : { algorithm: given }
  checkKnown('compression', rest, ['algorithm', 'threshold', 'level'])
  const algorithm = ALGORITHMS.find((known) => known.name === name)
  if (!algorithm)
    throw new ConfigurationError(
      `The algorithm of "compression" is ${JSON.stringify(name)}; known are ${ALGORITHMS.map((known) => known.name).join(', ')}.`,
    )
  if (!algorithm.isThere)
    throw new ConfigurationError(`Node ${process.version} has no zstd; it needs 22.15 or later. Choose brotli or gzip.`)
  const chosen = level ?? algorithm.level
  if (!Number.isInteger(chosen) || chosen < 1 || chosen > algorithm.highest)
    throw new ConfigurationError(`The level of ${name} is ${chosen}; it must be from 1 to ${algorithm.highest}.`)
  if (!Number.isInteger(threshold) || threshold < 0)
    throw new ConfigurationError(`The compression threshold is ${threshold}; it must be a number of bytes.`)
  const options = algorithm.options(chosen)
  const worthIt = (bytes: Buffer, smaller: Buffer): Compressed | undefined => {
    // What grows beyond the limit of readers, such as a megabyte of zeros, would be taken for a bomb.
    if (smaller.length >= bytes.length || bytes.length > smaller.length * ratio) return undefined
    return { algorithm: algorithm.id, bytes: smaller }
  }
  return {
    compress(bytes) {
      if (bytes.length < threshold) return undefined
      if (bytes.length < LARGE) return worthIt(bytes, algorithm.deflate(bytes, options))
      return later((done) => algorithm.deflateLater(bytes, options, done)).then((smaller) => worthIt(bytes, smaller))
    },
  }
}

/**
 * Makes bytes what they were. They say how large that is: too large is refused before anything grows, and what grows
 * larger than it says is stopped there.
 *
 * @throws {GrowthError} Or rejects with it, when the bytes would grow beyond the limits.
 */
export function decompress(algorithm: number, bytes: Buffer, size: number, limits: GrowthLimits): Awaitable<Buffer> {
  const known = ALGORITHMS.find(({ id }) => id === algorithm)
  if (!known?.isThere) throw new Error(`compression ${algorithm} is not known here`)
  if (size === 0 || size > limits.decoded || size > bytes.length * limits.ratio)
    throw new GrowthError(`${bytes.length} compressed bytes would become ${size}`)
  const options = { maxOutputLength: size }
  const whole = (inflated: Buffer): Buffer => {
    if (inflated.length !== size) throw new Error('it is shorter than it says')
    return inflated
  }
  if (size < LARGE) return whole(known.inflate(bytes, options))
  return later((done) => known.inflateLater(bytes, options, done)).then(whole)
}

/** Compressed bytes that would become larger than the limits allow. */
export class GrowthError extends Error {}

function later(start: (done: Done) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => start((error, bytes) => (error ? reject(error) : resolve(bytes))))
}

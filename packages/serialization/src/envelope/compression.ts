import * as zlib from 'node:zlib'
import { type Awaitable, ConfigurationError, checkKnown, checkThat, isOptions } from '@cashews/core'

/** How values are compressed: RFC 1952, RFC 7932 or RFC 8878 (`zstd` from Node 22.15). */
export type CompressionAlgorithm = 'gzip' | 'brotli' | 'zstd'

/** Settings of compression. */
export interface CompressionOptions {
  /** Values that another one has compressed stay readable. */
  readonly algorithm: CompressionAlgorithm
  /** The fewest bytes of a value to compress. @default 1_024 */
  readonly threshold?: number | undefined
  /** From 1 (fast) to 9 (gzip), 11 (brotli) or 22 (zstd). @default 1; zstd 3 */
  readonly level?: number | undefined
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

/** From how many bytes on a worker thread relieves the main thread at all. */
const LARGE = 65_536

/** Limits of decompression. */
export interface GrowthLimits {
  /** The most decompressed bytes. */
  readonly decoded: number
  /** The most decompressed bytes per compressed byte. */
  readonly ratio: number
}

/** Compresses payloads that get smaller by it. */
export interface Compressor {
  /** Returns the compressed bytes and the number of the algorithm; `undefined` when they are not smaller. */
  compress(bytes: Buffer): Awaitable<Compressed | undefined>
}

interface Compressed {
  readonly algorithm: number
  readonly bytes: Buffer
}

/** @throws {ConfigurationError} When the algorithm is unknown or missing in this Node, or a setting is out of range. */
export function compressorOf(given: CompressionAlgorithm | CompressionOptions, { ratio }: GrowthLimits): Compressor {
  const asked = isOptions(given) ? given : { algorithm: given }
  checkKnown('compression', asked, ['algorithm', 'threshold', 'level'])
  const { algorithm: name, threshold = 1_024 } = asked
  const algorithm = ALGORITHMS.find((known) => known.name === name)
  const names = ALGORITHMS.map((known) => known.name).join(', ')
  checkThat(algorithm !== undefined, `compression is false, ${names} or an object with one as its algorithm`, name)
  if (!algorithm.isThere)
    throw new ConfigurationError(`Node ${process.version} has no zstd; it needs 22.15 or later. Choose brotli or gzip.`)
  const { level = algorithm.level } = asked
  const isLevel = Number.isInteger(level) && level >= 1 && level <= algorithm.highest
  checkThat(isLevel, `The level of ${name} must be a whole number from 1 to ${algorithm.highest}`, level)
  const isSize = Number.isInteger(threshold) && threshold >= 0
  checkThat(isSize, 'The threshold of compression must be a number of bytes', threshold)
  const options = algorithm.options(level)
  const worthIt = (bytes: Buffer, smaller: Buffer): Compressed | undefined => {
    // Readers would take data that compresses too well, such as a megabyte of zeros, for a decompression bomb.
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
 * Decompresses bytes. Too large an announced size is refused up front, and decompression stops at the announced size.
 *
 * @throws {GrowthError} Or rejects with it, when the limits would be exceeded.
 */
export function decompress(algorithm: number, bytes: Buffer, size: number, limits: GrowthLimits): Awaitable<Buffer> {
  const known = ALGORITHMS.find(({ id }) => id === algorithm)
  if (!known?.isThere) throw new Error(`compression ${algorithm} is not known here`)
  if (size === 0 || size > limits.decoded || size > bytes.length * limits.ratio)
    throw new GrowthError(`${bytes.length} compressed bytes would become ${size}`)
  const options = { maxOutputLength: size }
  const whole = (inflated: Buffer): Buffer => {
    if (inflated.length !== size) throw new Error('it is shorter than its header says')
    return inflated
  }
  if (size < LARGE) return whole(known.inflate(bytes, options))
  return later((done) => known.inflateLater(bytes, options, done)).then(whole)
}

/** Compressed bytes that would exceed the limits when decompressed. */
export class GrowthError extends Error {}

function later(start: (done: Done) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => start((error, bytes) => (error ? reject(error) : resolve(bytes))))
}

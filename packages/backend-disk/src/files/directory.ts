import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { BackendUnavailableError } from '@cashews/core'
import { FORMAT } from './schema.ts'

const { R_OK, W_OK, X_OK } = constants
const WHY: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read and write there',
  EPERM: 'this user may not read and write there',
  EROFS: 'it is on a read-only file system',
  ENOENT: 'it cannot be created there',
  ENOTDIR: 'part of its path is not a directory',
  EEXIST: 'it is not a directory',
  ENOSPC: 'the disk is full',
}

/**
 * Makes the directory, for its owner only, and makes sure that it can be used.
 *
 * @param isDefault Whether the user left it to us: then this user must own it, since its parent is world-writable.
 * @throws {BackendUnavailableError} When it cannot be used, saying why.
 */
export function prepareDirectory(directory: string, isDefault: boolean): void {
  using(directory, () => {
    makeDirectory(directory)
    accessSync(directory, R_OK | W_OK | X_OK)
  })
  if (isDefault) for (const path of [dirname(directory), directory]) checkOwner(path)
}

/**
 * Makes sure that a file, if it exists, can be read and written.
 *
 * @throws {BackendUnavailableError} When it cannot, saying why.
 */
export function checkAccess(path: string): void {
  try {
    accessSync(path, R_OK | W_OK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(path, error)
  }
}

/**
 * Translates the errors of the file system.
 *
 * @throws {BackendUnavailableError} Saying what is wrong with the place.
 */
function using<T>(place: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    throw unusable(place, error)
  }
}

function unusable(place: string, error: unknown): BackendUnavailableError {
  const { code = '', message } = error as NodeJS.ErrnoException
  return new BackendUnavailableError(
    `Cannot keep a disk cache in ${place}: ${WHY[code] ?? message} (${code}). Choose another \`directory\`, or give this user the right to read and write there.`,
    { cause: error },
  )
}

/** Like `mkdirSync` with `recursive`, which never returns where directories cannot be made, as in `/proc`. */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const found = statSync(directory, { throwIfNoEntry: false })
    if (code === 'EEXIST' && found?.isDirectory()) return
    if (code !== 'ENOENT' || existsSync(dirname(directory))) throw error
    makeDirectory(dirname(directory))
    makeDirectory(directory)
  }
}

function checkOwner(path: string): void {
  const { uid, mode } = lstatSync(path)
  if (process.getuid === undefined || (uid === process.getuid() && (mode & 0o077) === 0)) return
  throw new BackendUnavailableError(
    `Cannot keep a disk cache in ${path}: other users can read or write there. Name a \`directory\` of your own.`,
  )
}

/**
 * The file names of one shard. The format version is part of them, so that two versions of this package that run side
 * by side have files of their own instead of putting each other's aside. When a file was put aside, its successor gets
 * the next number: a name is never reused, so that no process mistakes the log of the old file for that of the new one.
 */
export class ShardNames {
  readonly #directory: string
  readonly #stem: string

  constructor(directory: string, shard: number, shards: number) {
    this.#directory = directory
    this.#stem = `cashews-v${FORMAT}-${shard}-of-${shards}.`
  }

  /**
   * The file in use, or the next one. Lists the directory once: between two listings another process could create it.
   */
  current(): string {
    const names = this.#names()
    const numbers = (pattern: RegExp) =>
      names.flatMap((name) => pattern.exec(name.slice(this.#stem.length))?.[1] ?? []).map(Number)
    const inUse = numbers(/^(\d+)\.db$/)
    return this.#path(inUse.length > 0 ? Math.max(...inUse) : 1 + Math.max(0, ...numbers(/^(\d+)\.db/)))
  }

  /**
   * Puts a file aside, with its log; only the latest one is kept. Returns its new path, or `undefined` when another
   * process was faster.
   *
   * @throws {BackendUnavailableError} When it cannot be renamed.
   */
  putAside(path: string): string | undefined {
    const aside = `${path}.corrupt-${Date.now()}`
    return using(path, () => {
      for (const name of this.#names()) if (name.includes('.corrupt-')) this.#remove(name)
      const [moved] = ['', '-wal', '-shm'].map((suffix) => rename(path + suffix, aside + suffix))
      return moved ? aside : undefined
    })
  }

  /**
   * Removes a file, with its log.
   *
   * @throws {BackendUnavailableError} When it cannot be removed.
   */
  remove(path: string): void {
    using(path, () => {
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
    })
  }

  #remove(name: string): void {
    rmSync(join(this.#directory, name), { force: true, recursive: true })
  }

  #path(number: number): string {
    return join(this.#directory, `${this.#stem}${number}.db`)
  }

  #names(): string[] {
    return using(this.#directory, () => readdirSync(this.#directory)).filter((name) => name.startsWith(this.#stem))
  }
}

/** Returns false when there is no such file. */
function rename(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

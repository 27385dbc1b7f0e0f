import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** In memory where there is such a place. */
const parent = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'cashews-tests-'))
process.once('exit', () => rmSync(parent, { recursive: true, force: true }))

/** A new directory, which is removed when the process ends. */
export function freshDirectory(): string {
  return mkdtempSync(join(parent, 'disk-'))
}

/** How many bytes the files of a cache take, its logs included. */
export function bytesOnDisk(directory: string): number {
  return filesOf(directory, '').reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0)
}

/** The files of a cache whose names end so: `.db`, `.db-wal`. */
export function filesOf(directory: string, ending: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(directory, name))
}

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

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

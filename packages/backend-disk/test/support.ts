import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** In memory where there is such a place: the tests are about promises, not about disks. */
const PARENT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/**
 * A directory for the tests of a file. It is removed after them. Its name tells whose it is: tests/src/support/disk removes
 * what a process that was killed has left.
 */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(PARENT, `cashews-test-${process.pid}-`))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

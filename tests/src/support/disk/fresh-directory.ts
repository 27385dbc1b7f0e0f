import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** In memory where there is such a place: the tests are about promises, not about disks. */
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** Names tell whose a directory is: of processes that were killed, the next one removes them. */
const NAME = /^cashews-test-(\d+)-/
for (const name of readdirSync(parent)) {
  const [, pid] = NAME.exec(name) ?? []
  if (pid !== undefined && !isRunning(Number(pid))) remove(join(parent, name))
}

/** A new directory, for as long as the test runs: all tests of the file, with `afterAll`. */
export function freshDirectory(whenOver: (end: () => void) => void = onTestFinished): string {
  const directory = mkdtempSync(join(parent, `cashews-test-${process.pid}-`))
  whenOver(() => remove(directory))
  return directory
}

/** Tries again when a process that was killed has not ended yet. */
function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

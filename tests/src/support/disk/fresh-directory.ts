import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** In memory where possible, since the tests are not about the speed of disks. */
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** The name has the id of its process, so that the directories of a process that was killed are removed by the next one. */
const NAME = /^cashews-test-(\d+)-/
for (const name of readdirSync(parent)) {
  const [, pid] = NAME.exec(name) ?? []
  if (pid !== undefined && !isRunning(Number(pid))) remove(join(parent, name))
}

/** Creates a directory that is removed after the test; with `afterAll`, after all tests of the file. */
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

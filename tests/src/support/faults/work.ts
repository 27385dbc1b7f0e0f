import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { Work } from './transacting.ts'

const script = fileURLToPath(new URL('./transacting.ts', import.meta.url))

/** Starts a child process, which is killed after the test if it still runs. */
export function startWork(work: Work): ChildProcess {
  const flags = ['--conditions=@cashews/source', script, JSON.stringify(work)]
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** The lines that a process prints. */
export async function* linesOf({ stdout }: ChildProcess): AsyncGenerator<string, undefined> {
  if (stdout) yield* createInterface({ input: stdout })
}

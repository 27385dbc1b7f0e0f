import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const sources = new URL('../../../apps/demo/src/', import.meta.url)

/** The result of a run. */
export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the demo as `pnpm demo` does, and collects its output. */
export function demo(env: Readonly<Record<string, string>> = {}, ...args: readonly string[]): Promise<Run> {
  return run('main.ts', env, args)
}

/** Runs the live demo until it ends by itself. */
export function liveDemo(env: Readonly<Record<string, string>>): Promise<Run> {
  return run('live/main.ts', env)
}

function run(main: string, env: Readonly<Record<string, string>>, args: readonly string[] = []): Promise<Run> {
  const { CACHE_URL: _, FORCE_COLOR: __, ...inherited } = process.env
  const child = spawn(
    process.execPath,
    ['--conditions=@cashews/source', fileURLToPath(new URL(main, sources)), ...args],
    {
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}

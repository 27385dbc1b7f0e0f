import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = ['redis-server', 'valkey-server']
const USUAL_PLACES = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin']

const HELP = `The Redis tests need a Redis (or Valkey) server. Any one of these will do:
  - redis-server or valkey-server on PATH, e.g.  apt-get install redis-server  |  brew install redis  |  dnf install valkey
  - run as root on Debian or Ubuntu: the tests install redis-server themselves
To leave them out: pnpm test --project '!redis'`

let found: string | undefined

/**
 * Finds the Redis server program, or installs it where that is allowed.
 *
 * @throws {Error} When there is none, saying how to get one.
 */
export function redisBinary(): string {
  found ??= onPath() ?? installed()
  if (found === undefined) throw new Error(HELP)
  return found
}

function onPath(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), ...USUAL_PLACES]
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Installs it, but only for root on Debian or Ubuntu. */
function installed(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version') || !existsSync('/usr/bin/apt-get'))
    return undefined
  process.stderr.write('redis-server is not installed: installing it with apt-get\n')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const aptGet = (...args: string[]) =>
    execFileSync('apt-get', args, { stdio: ['ignore', 'inherit', 'inherit'], env, timeout: 300_000 })
  const install = () => aptGet('install', '-y', '--no-install-recommends', 'redis-server')
  try {
    install()
  } catch {
    aptGet('update')
    install()
  }
  return onPath()
}

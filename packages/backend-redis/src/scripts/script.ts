import { createHash } from 'node:crypto'
import type { Milliseconds } from '@cashews/core'
import type { Argument } from '../connection/link.ts'

/**
 * A Lua script, and the digest by which a server that has seen it can be asked to run it (Redis `EVALSHA`). Nothing else runs
 * during a script (redis.io, "Scripting with Lua"), so it is one step where Redis has no single command.
 */
export class Script {
  readonly lua: string
  readonly sha: string

  constructor(lua: string) {
    this.lua = lua.trim()
    this.sha = createHash('sha1').update(this.lua).digest('hex')
  }
}

/** A time to live in the form for scripts: `''` means none. */
export function ttlOf(lifetime: Milliseconds): Argument {
  return lifetime === Number.POSITIVE_INFINITY ? '' : lifetime
}

/** Bytes as a Lua string literal. */
export function inLua(bytes: Buffer): string {
  return `'${Array.from(bytes, (byte) => `\\${byte}`).join('')}'`
}

/** Lua: a function `put(key, value, ttl)` that writes a string. */
export const PUT: string = `
local function put(key, value, ttl)
  if ttl == '' then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', ttl) end
end`

import { createHash } from 'node:crypto'
import type { Milliseconds } from '@cashews/core'
import type { Argument } from './link.ts'

/**
 * A Lua script, and the digest by which the server knows it once it has seen it (Redis `EVALSHA`). Scripts do what Redis
 * has no single command for: each runs alone (redis.io, "Scripting with Lua"), so that it is one step.
 */
export class Script {
  readonly lua: string
  readonly sha: string

  constructor(lua: string) {
    this.lua = lua.trim()
    this.sha = createHash('sha1').update(this.lua).digest('hex')
  }
}

/** A time to live as scripts take it: `''` means none. */
export function ttlOf(lifetime: Milliseconds): Argument {
  return lifetime === Number.POSITIVE_INFINITY ? '' : lifetime
}

/** Bytes as a string of Lua. */
export function inLua(bytes: Buffer): string {
  return `'${Array.from(bytes, (byte) => `\\${byte}`).join('')}'`
}

/** For scripts that write strings: `put(key, value, ttl)`. */
export const PUT: string = `
local function put(key, value, ttl)
  if ttl == '' then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', ttl) end
end`

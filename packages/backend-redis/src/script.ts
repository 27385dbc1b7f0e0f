import { createHash } from 'node:crypto'

/** A Lua script, and the digest by which the server knows it once it has seen it (Redis `EVALSHA`). */
export class Script {
  readonly lua: string
  readonly sha: string

  constructor(lua: string) {
    this.lua = lua.trim()
    this.sha = createHash('sha1').update(this.lua).digest('hex')
  }
}

import { MISS } from './backend.ts'
import { type Call, COMMANDS, type Command } from './command.ts'
import { ConfigurationError } from './errors.ts'

/** Commands that one cache has switched off for one asynchronous call. */
export interface Disabling {
  readonly owner: object
  readonly commands: ReadonlySet<Command>
}

/** The commands named, or all of them when none is. */
export function commandSet(commands: readonly Command[]): ReadonlySet<Command> {
  for (const command of commands)
    if (!COMMANDS.includes(command))
      throw new ConfigurationError(`There is no command "${command}". The commands are ${COMMANDS.join(', ')}.`)
  return new Set(commands.length > 0 ? commands : COMMANDS)
}

async function* nothing(): AsyncGenerator<never> {}

/** What a command answers that is switched off, or whose store is not there: as if the cache were empty and full. */
export function neutralAnswer(call: Call): unknown {
  switch (call.command) {
    case 'get':
    case 'getRaw':
    case 'getExpire':
    case 'getTags':
      return MISS
    case 'getMany':
      return call.keys.map(() => MISS)
    case 'scan':
    case 'getMatch':
      return nothing()
    case 'getBits':
    case 'incrBits':
    case 'setPop':
      return []
    case 'deleteMany':
    case 'deleteMatch':
    case 'incr':
    case 'getSize':
    case 'getKeysCount':
    case 'setAdd':
    case 'setRemove':
      return 0
    case 'sliceIncr':
      return { count: 0, added: true, age: 0 }
    case 'clear':
    case 'setMany':
      return undefined
    case 'setLock':
    case 'unlock':
      return call.unasked ?? false
    default:
      return false
  }
}

import { checkOneOf } from '../basics/options.ts'
import { COMMANDS } from '../calls/commands.ts'
import type { Command } from '../command.ts'

/** Commands of one cache that are switched off for one asynchronous call. */
export interface Disabling {
  readonly owner: object
  readonly commands: ReadonlySet<Command>
}

/** @throws {ConfigurationError} When one of them is not a command. */
export function commandSet(commands: readonly Command[]): ReadonlySet<Command> {
  for (const command of commands) checkOneOf('command', command, COMMANDS)
  return new Set(commands)
}

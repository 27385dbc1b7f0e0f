import { BackendError } from '@cashews/core'
import type { Argument, Command, Link } from '../connection/link.ts'
import type { Script } from './script.ts'

/** A command that names a script by its digest, with the text for servers that do not know the script. */
interface ScriptCommand extends Command {
  readonly lua: string
}

/** Makes the command that runs a script. */
export function evaluation(script: Script, names: readonly string[], args: readonly Argument[]): ScriptCommand {
  return {
    name: 'evalsha',
    args: [script.sha, names.length, ...names, ...args],
    key: names[0] as string,
    lua: script.lua,
  }
}

/** Sends scripts by their digest, and once more with their text to servers that do not know them yet. */
export class Evaluator {
  readonly #link: Link

  constructor(link: Link) {
    this.#link = link
  }

  run(script: Script, names: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const command = evaluation(script, names, args)
    return this.#link.send(command).catch((error) => {
      if (!isUnknownScript(error)) throw naming(error, script)
      return this.#link.send(spelledOut(command)).catch((error) => {
        throw naming(error, script)
      })
    })
  }

  /** Sends commands, some of which may run scripts. If a command fails, its answer is the error. */
  async sendAll(commands: readonly Command[]): Promise<unknown[]> {
    if (commands.length === 0) return []
    const answers = await this.#link.sendAll(commands)
    await this.#sendAgain(commands, answers, (those) => this.#spelledOutOnce(those))
    // If a server holds other slots than we thought, it got a digest whose text went to another server.
    await this.#sendAgain(commands, answers, (those) => those.map(spelledOut))
    return answers
  }

  /** Sends the commands again whose script was unknown, and replaces their answers. */
  async #sendAgain(
    commands: readonly Command[],
    answers: unknown[],
    withText: (commands: readonly ScriptCommand[]) => readonly Command[],
  ): Promise<void> {
    const unknown = [...answers.keys()].filter((at) => isUnknownScript(answers[at]))
    if (unknown.length === 0) return
    const again = await this.#link.sendAll(withText(unknown.map((at) => commands[at] as ScriptCommand)))
    for (const [order, at] of unknown.entries()) answers[at] = again[order]
  }

  /** Sends the text of a script once to each server: commands that follow on the same connection can use the digest. */
  #spelledOutOnce(commands: readonly ScriptCommand[]): Command[] {
    const told = new Set<string>()
    return commands.map((command) => {
      const there = `${this.#link.ownerOf(command.key)} ${command.lua}`
      if (told.has(there)) return command
      told.add(there)
      return spelledOut(command)
    })
  }
}

/** The same command with the text of its script. */
function spelledOut({ key, lua, args: [, ...args] }: ScriptCommand): Command {
  return { name: 'eval', args: [lua, ...args], key }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOSCRIPT')
}

/** The error of Redis 7.0 for a command in a script that the user may not run: it has the line, but not the command. */
const REFUSED = /can't run this command or subcommand.*@user_script:(\d+)/

/** Adds to such an error which command was refused. */
function naming(error: unknown, { lua }: Script): unknown {
  const { message, cause } = error as Error
  const [, line] = REFUSED.exec(message) ?? []
  const [, command] = /call\('(\w+)'/.exec(lua.split('\n')[Number(line) - 1] ?? '') ?? []
  return command === undefined ? error : new BackendError(`${message} It may not run ${command}.`, { cause })
}

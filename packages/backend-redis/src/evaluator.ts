import { BackendError } from '@cashews/core'
import type { Argument, Command, Link } from './link.ts'
import type { Script } from './script.ts'

/** A script known by its digest, with its text for a server that has not seen it. */
interface ScriptCommand extends Command {
  readonly lua: string
}

/** A command that runs a script. */
export function evaluation(script: Script, names: readonly string[], args: readonly Argument[]): ScriptCommand {
  return {
    name: 'evalsha',
    args: [script.sha, names.length, ...names, ...args],
    key: names[0] as string,
    lua: script.lua,
  }
}

/** Sends scripts by their digests, and again with their text to servers that do not know them yet. */
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

  /** Sends commands, of which some may run scripts. An answer may be the error of its command. */
  async sendAll(commands: readonly Command[]): Promise<unknown[]> {
    if (commands.length === 0) return []
    const [only] = commands
    const answers =
      only !== undefined && commands.length === 1
        ? [await this.#link.send(only).catch((error) => error)]
        : await this.#link.sendAll(commands)
    await this.#sendAgain(commands, answers, (those) => this.#spelledOutOnce(those))
    // A server that holds other slots than was thought has been sent a digest whose text went elsewhere.
    await this.#sendAgain(commands, answers, (those) => those.map(spelledOut))
    return answers
  }

  /** Sends those commands again whose script was unknown, and puts the answers in place. */
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

  /** Each server is told the text of a script once: what follows on the same connection may name it. */
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

/** The same for a server that does not know the script yet. */
function spelledOut({ key, lua, args: [, ...args] }: ScriptCommand): Command {
  return { name: 'eval', args: [lua, ...args], key }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOSCRIPT')
}

/** What Redis 7.0 says of a command inside a script that the user may not run: where it stands, and not which one it is. */
const REFUSED = /can't run this command or subcommand.*@user_script:(\d+)/

/** Names the command that a script was refused. */
function naming(error: unknown, { lua }: Script): unknown {
  const { message, cause } = error as Error
  const [, line] = REFUSED.exec(message) ?? []
  const [, command] = /call\('(\w+)'/.exec(lua.split('\n')[Number(line) - 1] ?? '') ?? []
  return command === undefined ? error : new BackendError(`${message} It may not run ${command}.`, { cause })
}

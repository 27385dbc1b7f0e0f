import type { LocalCopies } from '../client-side/local-copies.ts'
import type { Argument, Command, Link } from '../connection/link.ts'
import { type Evaluator, evaluation } from '../scripts/evaluator.ts'
import type { Script } from '../scripts/script.ts'
import type { Keyspace } from './keyspace.ts'
import type { ReadBatch } from './read-batch.ts'

/** Makes the arguments of a script for some of many keys, given by their positions. */
type ArgumentsOf = (group: readonly number[]) => readonly Argument[]

/** Sends commands on keys to the servers of the keys. For a script, each key is a pair of names: its value and its lease. */
export class KeyCommands {
  readonly link: Link
  readonly keys: Keyspace
  readonly scripts: Evaluator
  readonly #reads: Pick<ReadBatch<unknown, unknown>, 'flush'>
  readonly #copies: Pick<LocalCopies, 'drop'> | undefined

  /**
   * @param reads The reads of this turn of the event loop that are not sent yet.
   * @param copies The copies in this process, if there are any.
   */
  constructor(
    link: Link,
    keys: Keyspace,
    scripts: Evaluator,
    reads: Pick<ReadBatch<unknown, unknown>, 'flush'>,
    copies: LocalCopies | undefined,
  ) {
    this.link = link
    this.keys = keys
    this.scripts = scripts
    this.#reads = reads
    this.#copies = copies
  }

  /** The names of a value and of its lease. */
  pair(key: string): [value: string, lease: string] {
    return [this.keys.value(key), this.keys.lease(key)]
  }

  /** Sends a command on a value. */
  send(name: Command['name'], key: string, ...args: readonly Argument[]): Promise<unknown> {
    const own = this.keys.value(key)
    return this.link.send({ name, args: [own, ...args], key: own })
  }

  run(script: Script, key: string, args: readonly Argument[]): Promise<unknown> {
    return this.scripts.run(script, this.pair(key), args)
  }

  /** Runs a script for many keys: one command for each group of keys that can share one. */
  async runAll(script: Script, keys: readonly string[], argsOf: ArgumentsOf): Promise<unknown[]> {
    const groups = this.link.groups(keys.map((key) => this.keys.value(key))) ?? [[...keys.keys()]]
    const commands = groups.map((group) => {
      const names = group.flatMap((at) => this.pair(keys[at] as string))
      return evaluation(script, names, argsOf(group))
    })
    const answers = await this.scripts.sendAll(commands)
    for (const answer of answers) if (answer instanceof Error) throw answer
    return answers
  }

  /** Runs a script that changes a key. */
  change(script: Script, key: string, args: readonly Argument[]): Promise<unknown> {
    return this.changing([key], () => this.run(script, key, args))
  }

  /** Runs a script that changes many keys: one command for each group of keys that can share one. */
  changeAll(script: Script, keys: readonly string[], argsOf: ArgumentsOf): Promise<unknown[]> {
    return this.changing(keys, () => this.runAll(script, keys, argsOf))
  }

  /** Runs a script that changes keys, and gets its names in some other form than pairs. */
  changeNamed(
    script: Script,
    keys: readonly string[],
    names: readonly string[],
    args: readonly Argument[],
  ): Promise<unknown> {
    return this.changing(keys, () => this.scripts.run(script, names, args))
  }

  /** Makes a change. Reads that came before it are sent first, and copies of the keys in this process are dropped. */
  changing<T>(keys: readonly string[], send: () => Promise<T>): Promise<T> {
    const copies = this.#copies
    this.#reads.flush()
    if (copies === undefined) return send()
    copies.drop(keys)
    return send().finally(() => copies.drop(keys))
  }

  /** Drops the copies in this process of keys that may have changed. */
  changed(keys: readonly string[]): void {
    this.#copies?.drop(keys)
  }
}

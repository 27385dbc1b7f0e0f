import { MISS, type Milliseconds, type Miss } from '@cashews/core'
import type { Command, Link } from '../connection/link.ts'
import { type Evaluator, evaluation } from '../scripts/evaluator.ts'
import { Script } from '../scripts/script.ts'

/** Answers the value and the time left of each key. */
const GET_WITH_TTL: Script = new Script(`
local found = {}
for i, value in ipairs(redis.call('MGET', unpack(KEYS))) do
  found[2 * i - 1] = value
  found[2 * i] = value and redis.call('PTTL', KEYS[i]) or 0
end
return found`)

/** The bytes that a server has for a name, and how long they live. */
export interface Dated {
  readonly bytes: Buffer | null
  readonly timeLeft: Milliseconds
}

/** Reads many names in as few commands as the topology allows. */
export class ServerReads {
  readonly #link: Link
  readonly #scripts: Evaluator
  readonly #report: (error: unknown) => void

  /** @param report Told about a single key that is of another kind, which is a miss. */
  constructor(link: Link, scripts: Evaluator, report: (error: unknown) => void) {
    this.#link = link
    this.#scripts = scripts
    this.#report = report
  }

  /**
   * Reads bytes, in the order of the names. If a name fails, its answer is the error.
   *
   * @param ofMany Whether the names are what a pattern found: those may be of any kind, so that even a single one is not
   * reported.
   */
  read(names: readonly string[], ofMany: boolean): Promise<readonly (Buffer | null | Error)[]> {
    const [first] = names
    if (first !== undefined && names.length === 1 && !ofMany) return this.#readOne(first)
    const groups = this.#link.groups(names)
    if (groups === undefined) return this.#link.send(mget(names)) as Promise<(Buffer | null)[]>
    return this.#inGroups<Buffer | null>(names, groups, mget, (answer) => answer as (Buffer | null)[])
  }

  /** Reads bytes and the time left of each name, in one step. */
  readWithTtl(names: readonly string[]): Promise<(Dated | Error)[]> {
    const groups = this.#link.groups(names)
    if (groups === undefined) return this.#scripts.run(GET_WITH_TTL, names, []).then(dated)
    return this.#inGroups<Dated>(names, groups, (group) => evaluation(GET_WITH_TTL, group, []), dated)
  }

  /** Reads names in groups, one command for each, and puts the answers in the order of the names. */
  async #inGroups<T>(
    names: readonly string[],
    groups: readonly number[][],
    command: (group: readonly string[]) => Command,
    parse: (answer: unknown) => readonly T[],
  ): Promise<(T | Error)[]> {
    const answers = await this.#scripts.sendAll(groups.map((group) => command(group.map((at) => names[at] as string))))
    const found: (T | Error)[] = new Array(names.length)
    for (const [at, group] of groups.entries()) {
      const answer = answers[at]
      const parsed = answer instanceof Error ? undefined : parse(answer)
      for (const [order, place] of group.entries()) found[place] = parsed ? (parsed[order] as T) : (answer as Error)
    }
    return found
  }

  /** Unlike `MGET`, `GET` says when a key is of another kind. */
  #readOne(name: string): Promise<readonly (Buffer | null)[]> {
    return this.#link.send({ name: 'get', args: [name], key: name }).then(
      (bytes) => [bytes as Buffer | null],
      (error) => {
        if ((error as { code?: string }).code !== 'CASHEWS_WRONG_TYPE') throw error
        this.#report(error)
        return [null]
      },
    )
  }
}

function mget(names: readonly string[]): Command {
  return { name: 'mget', args: names, key: names[0] as string }
}

function dated(answer: unknown): Dated[] {
  const pairs = answer as readonly (Buffer | number | null)[]
  const found: Dated[] = []
  for (let at = 0; at < pairs.length; at += 2)
    found.push({ bytes: pairs[at] as Buffer | null, timeLeft: timeLeft(pairs[at + 1]) as Milliseconds })
  return found
}

/** Converts the answer of `PTTL`. */
export function timeLeft(answer: unknown): Milliseconds | Miss {
  if (answer === -2) return MISS
  return answer === -1 ? Number.POSITIVE_INFINITY : Math.max(1, Number(answer))
}

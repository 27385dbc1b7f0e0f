import { MISS, type Milliseconds, type Miss } from '@cashews/core'
import { type Evaluator, evaluation } from './evaluator.ts'
import type { Command, Link } from './link.ts'
import { GET_WITH_TTL } from './scripts.ts'

/** What a server has under a name, and for how long. */
export interface Dated {
  readonly bytes: Buffer | null
  readonly timeLeft: Milliseconds
}

/** Up to so many names are read without a look at how to split them. */
const FEW = 50

/** Reads many names in as few commands as the topology lets it. */
export class ServerReads {
  readonly #link: Link
  readonly #scripts: Evaluator
  readonly #report: (error: unknown) => void

  /** @param report Hears of a key of another kind, which is a miss. */
  constructor(link: Link, scripts: Evaluator, report: (error: unknown) => void) {
    this.#link = link
    this.#scripts = scripts
    this.#report = report
  }

  /** Answers bytes in the order of the names. An answer may be the error of its name. */
  read(names: readonly string[]): Promise<readonly (Buffer | null | Error)[]> {
    const [first] = names
    if (first !== undefined && names.length === 1) return this.#readOne(first)
    if (first !== undefined && names.length <= FEW && this.#link.mayMeet(names))
      return this.#link.send({ method: 'mgetBuffer', args: names, key: first }) as Promise<(Buffer | null)[]>
    const commands = (group: readonly string[]) =>
      ({ method: 'mgetBuffer', args: group, key: group[0] as string }) as const
    return this.#inGroups<Buffer | null>(names, commands, (answer) => answer as (Buffer | null)[])
  }

  /** The same, with the time left of each, in one step. */
  readWithTtl(names: readonly string[]): Promise<(Dated | Error)[]> {
    const command = (group: readonly string[]) => evaluation(GET_WITH_TTL, group, [])
    return this.#inGroups<Dated>(names, command, (answer) => dated(answer as (Buffer | number | null)[]))
  }

  /** Reads names in groups that may share a command, and puts the answers in the order of the names. */
  async #inGroups<T>(
    names: readonly string[],
    command: (group: readonly string[]) => Command,
    parse: (answer: unknown) => readonly T[],
  ): Promise<(T | Error)[]> {
    const groups = this.#link.groups(names)
    if (groups.length === 1) {
      const [answer] = await this.#scripts.sendAll([command(names)])
      if (answer instanceof Error) throw answer
      return parse(answer) as T[]
    }
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
    return this.#link.send({ method: 'getBuffer', args: [name], key: name }).then(
      (bytes) => [bytes as Buffer | null],
      (error) => {
        if ((error as { code?: string }).code !== 'CASHEWS_WRONG_TYPE') throw error
        this.#report(error)
        return [null]
      },
    )
  }
}

function dated(answer: readonly (Buffer | number | null)[]): Dated[] {
  const found: Dated[] = []
  for (let at = 0; at < answer.length; at += 2)
    found.push({ bytes: answer[at] as Buffer | null, timeLeft: timeLeft(answer[at + 1]) as Milliseconds })
  return found
}

/** What `PTTL` answers. */
export function timeLeft(answer: unknown): Milliseconds | Miss {
  if (answer === -2) return MISS
  return answer === -1 ? Number.POSITIVE_INFINITY : Math.max(1, Number(answer))
}

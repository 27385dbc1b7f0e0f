import { BackendError } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import type { Command, Link } from '../src/connection/link.ts'
import { Evaluator, evaluation } from '../src/scripts/evaluator.ts'
import { Script } from '../src/scripts/script.ts'

const SCRIPT = new Script('return 1')

/** A link to servers that know no script yet. A key is on the server that it begins with; the link may think that it is on another. */
function linkOf(thoughtOf: (key: string) => string) {
  const knowing = new Set<string>()
  const sent: string[] = []
  const run = ({ name, key }: Command) => {
    const server = key.charAt(0)
    sent.push(`${name} ${key}`)
    if (name === 'eval') knowing.add(server)
    return knowing.has(server) ? `done by ${server}` : new BackendError('NOSCRIPT No matching script.')
  }
  const link = {
    ownerOf: thoughtOf,
    send: async (command: Command) => {
      const answer = run(command)
      if (answer instanceof Error) throw answer
      return answer
    },
    sendAll: async (commands: readonly Command[]) => commands.map(run),
  }
  return { evaluator: new Evaluator(link as unknown as Link), sent }
}

const named = (...keys: string[]) => keys.map((key) => evaluation(SCRIPT, [key], []))

describe('a script that servers do not know', () => {
  it('is sent in full to each of them once', async () => {
    const { evaluator, sent } = linkOf((key) => key.charAt(0))
    expect(await evaluator.sendAll(named('a1', 'b1', 'a2'))).toEqual(['done by a', 'done by b', 'done by a'])
    expect(sent.slice(3)).toEqual(['eval a1', 'eval b1', 'evalsha a2'])
  })

  it('is also sent in full to a server that has taken over a slot unnoticed', async () => {
    const { evaluator } = linkOf(() => 'a')
    expect(await evaluator.sendAll(named('a1', 'b1', 'b2'))).toEqual(['done by a', 'done by b', 'done by b'])
  })

  it('is sent in full when it is the only one, and not again', async () => {
    const { evaluator, sent } = linkOf((key) => key.charAt(0))
    for (const _ of ['unknown', 'known']) expect(await evaluator.run(SCRIPT, ['a1'], [])).toBe('done by a')
    expect(sent).toEqual(['evalsha a1', 'eval a1', 'evalsha a1'])
    expect(await evaluator.sendAll(named('b1'))).toEqual(['done by b'])
    expect(await evaluator.sendAll([])).toEqual([])
    expect(sent.slice(3)).toEqual(['evalsha b1', 'eval b1'])
  })
})

describe('a script that a server refuses', () => {
  const refusing = (error: Error) => {
    const sent: string[] = []
    const send = async ({ name }: Command) => {
      sent.push(name)
      throw error
    }
    return { evaluator: new Evaluator({ send } as unknown as Link), sent }
  }

  it('is not sent again', async () => {
    const refused = new BackendError("OOM command not allowed when used memory > 'maxmemory'.")
    const { evaluator, sent } = refusing(refused)
    await expect(evaluator.run(SCRIPT, ['a1'], [])).rejects.toBe(refused)
    expect(sent).toEqual(['evalsha'])
  })

  it('because the user may not run one of its commands, which the error names', async () => {
    const script = new Script("local held = 1\nredis.call('SET', KEYS[1], 1)\nredis.call('GET', KEYS[1])")
    const why = "ACL failure in script: can't run this command or subcommand script: 1f, on @user_script:2."
    const { evaluator } = refusing(new BackendError(why, { cause: 'cause' }))
    const error = await evaluator.run(script, ['a1'], []).catch((error) => error)
    expect(error).toMatchObject({ message: `${why} It may not run SET.`, cause: 'cause' })
  })
})

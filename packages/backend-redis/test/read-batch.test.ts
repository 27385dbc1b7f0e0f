import { describe, expect, it } from 'vitest'
import { ReadBatch } from '../src/keys/read-batch.ts'

type Answers = readonly (string | Error)[]

/** Reads names of servers `a` and `b`, which answer when they are told to. */
function twoServers() {
  const asked = new Map<string, PromiseWithResolvers<Answers>>()
  const batch = new ReadBatch<string, string>({
    perServer: (names) => {
      const shares = Map.groupBy(names.keys(), (at) => names[at]?.[0])
      return shares.size === 1 ? undefined : [...shares.values()]
    },
    send: (names) => {
      const answer = Promise.withResolvers<Answers>()
      asked.set(names.join(' '), answer)
      return answer.promise
    },
    make: (_, __, found) => found,
  })
  const answer = (names: string) => asked.get(names)?.resolve(names.split(' ').map((name) => name.toUpperCase()))
  const refuse = (names: string) => asked.get(names)?.reject(new Error('frozen'))
  return { batch, asked, answer, refuse }
}

describe('reads of one turn', () => {
  it('go to each server together', async () => {
    const { batch, asked } = twoServers()
    for (const name of ['a1', 'b1', 'a2']) batch.read(name, name).catch(() => {})
    batch.flush()
    expect([...asked.keys()]).toEqual(['a1 a2', 'b1'])
  })

  it('are answered as soon as their own server has replied', async () => {
    const { batch, answer } = twoServers()
    const [slow, quick] = [batch.read('a1', 'a1'), batch.read('b1', 'b1')]
    batch.flush()
    answer('b1')
    expect(await quick).toBe('B1')
    answer('a1')
    expect(await slow).toBe('A1')
  })

  it('fail with their own server only', async () => {
    const { batch, answer, refuse } = twoServers()
    const reads = [batch.read('a1', 'a1'), batch.readMany(['b1', 'b2']), batch.readMany(['b3', 'a2'])]
    batch.flush()
    refuse('a1 a2')
    answer('b1 b2 b3')
    expect(await Promise.allSettled(reads)).toEqual([
      { status: 'rejected', reason: new Error('frozen') },
      { status: 'fulfilled', value: ['B1', 'B2'] },
      { status: 'rejected', reason: new Error('frozen') },
    ])
  })

  it('of names on several servers are answered in their order, once all servers have replied', async () => {
    const { batch, answer } = twoServers()
    const [one, several] = [batch.read('a1', 'a1'), batch.readMany(['b1', 'a2', 'b2'])]
    batch.flush()
    answer('b1 b2')
    answer('a1 a2')
    expect(await several).toEqual(['B1', 'A2', 'B2'])
    expect(await one).toBe('A1')
  })

  it('of no names are answered', async () => {
    const { batch, answer } = twoServers()
    const reads = [batch.readMany([]), batch.readMany(['a1', 'b1'])]
    batch.flush()
    answer('a1')
    answer('b1')
    expect(await Promise.all(reads)).toEqual([[], ['A1', 'B1']])
  })
})

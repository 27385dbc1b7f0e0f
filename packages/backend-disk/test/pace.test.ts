import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pace } from '../src/files/pace.ts'

let time = 0
let done: string[] = []

beforeEach(() => {
  time = 0
  done = []
  vi.spyOn(performance, 'now').mockImplementation(() => time)
})
afterEach(() => void vi.restoreAllMocks())

/** Work that takes some milliseconds. */
function work(name: string, took = 0) {
  return () => {
    done.push(name)
    time += took
    return name
  }
}

describe('those who waited for the same thing', () => {
  it('go on one after another in the order they came, and get their own answers', async () => {
    const pace = new Pace()
    const names = ['first', 'second', 'third']
    expect(await Promise.all(names.map((name) => pace.inTurn(work(name))))).toEqual(names)
    expect(done).toEqual(names)
  })

  it('go on after one that fails', async () => {
    const pace = new Pace()
    const failed = pace.inTurn(() => {
      throw new Error('no')
    })
    const next = pace.inTurn(work('next'))
    await expect(failed).rejects.toThrow('no')
    expect(await next).toBe('next')
    expect(await pace.inTurn(work('later'))).toBe('later')
  })

  it('let the event loop have its turn when two milliseconds are over', async () => {
    const pace = new Pace()
    setImmediate(() => done.push('the loop'))
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => pace.inTurn(work(name, 1))))
    expect(done).toEqual(['a', 'b', 'the loop', 'c', 'd'])
  })
})

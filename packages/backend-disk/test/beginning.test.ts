import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { ShardNames } from '../src/directory.ts'
import { temporaryDirectory } from './support.ts'

const others = vi.hoisted(() => ({ act: () => {} }))

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const readdirSync = (path: string): string[] => {
    const names = fs.readdirSync(path)
    others.act()
    return names
  }
  return { ...fs, readdirSync }
})

describe('processes that begin the file of a shard at once', () => {
  it('begin the same, whenever one looks and the other makes it', () => {
    const directory = temporaryDirectory()
    const names = new ShardNames(directory, 0, 1)
    others.act = () => writeFileSync(join(directory, 'cashews-0-of-1.1.db'), '')
    expect(basename(names.current())).toBe('cashews-0-of-1.1.db')
  })
})

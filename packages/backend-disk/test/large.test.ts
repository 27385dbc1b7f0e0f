import { join } from 'node:path'
import { disk } from '@cashews/backend-disk'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from './support.ts'

const directory = temporaryDirectory()
const HOUR = 3_600_000
const MB = 1024 ** 2

describe('a large value', () => {
  it('leaves no memory to be collected when it is written, and its own bytes when it is read', async () => {
    const store = disk({ directory: join(directory, 'memory'), shards: 1 })
    await store.open({ removed() {}, error() {} })
    const value = Buffer.alloc(MB, 'large')
    const memory = () => process.memoryUsage().arrayBuffers / MB
    await store.set('key', value, HOUR)
    let before = memory()
    for (let time = 0; time < 5; time++) await store.set('key', value, HOUR)
    expect(memory() - before).toBeLessThan(1)
    before = memory()
    const found: unknown[] = []
    for (let time = 0; time < 5; time++) found.push(await store.get('key'))
    expect(memory() - before).toBeLessThan(6)
    expect(found.every((one) => value.equals(one as Buffer))).toBe(true)
    await store.close()
  })
})

import { memory } from '@cashews/backend-memory'
import { reference } from '@cashews/conformance'
import {
  type Backend,
  BackendUnavailableError,
  ConfigurationError,
  createCache,
  type Driver,
  formatter,
  memoryLimit,
  TtlError,
} from '@cashews/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fakeTime, hangs, sickStore, syncStore } from './support/helpers.ts'

beforeEach(fakeTime)
afterEach(() => vi.useRealTimers())

/** A driver that records its arguments. */
function fakeDriver(): Driver & { readonly asked: [url: string, overrides: unknown][] } {
  const asked: [string, unknown][] = []
  return {
    asked,
    schemes: ['fake', 'fakes'],
    fromUrl(url, overrides) {
      asked.push([url, overrides])
      return syncStore()
    },
  }
}

describe('a settings URL', () => {
  it.each([['mem://'], ['MEM://?size=10'], ['mem://?size=10&check_interval=5s'], ['mem:']])(
    '%s sets up memory',
    async (url) => {
      const cache = createCache({ drivers: [memory, reference] }).setup(url)
      await cache.set('key', 1)
      expect(await cache.get('key')).toBe(1)
      expect(cache.isEnabled()).toBe(true)
      await cache.close()
    },
  )

  it('may be a URL', async () => {
    const cache = createCache({ drivers: [memory] }).setup(new URL('mem://?size=1'))
    await cache.setMany({ a: 1, b: 2 })
    expect(await cache.getKeysCount()).toBe(1)
    await cache.close()
  })

  it('may name a driver that is given only to this setup', async () => {
    const cache = createCache().setup('ref://', { drivers: [reference] })
    expect(await cache.set('key', 1)).toBe(true)
  })

  it.each([['http://example.com'], ['mem'], [''], ['://'], ['redis://localhost']])(
    '"%s" is refused, and the known schemes are named',
    (url) => {
      const setup = () => createCache({ drivers: [memory, reference] }).setup(url)
      expect(setup).toThrow(ConfigurationError)
      expect(setup).toThrow('mem://, ref://')
    },
  )

  it('needs drivers, and says where to pass them', () => {
    expect(() => createCache().setup('mem://')).toThrow('createCache({ drivers: [memory] })')
  })

  it.each([
    ['mem://', 'drivers: [memory]', '@cashews/backend-memory'],
    ['rediss+sentinel://me:hunter2@host/main', 'drivers: [redis]', '@cashews/backend-redis'],
    ['redis://localhost', 'drivers: [redis]', '@cashews/backend-redis'],
    ['disk:///var/cache', 'drivers: [disk]', '@cashews/backend-disk'],
  ])('%s without its driver names the driver and its package', (url, drivers, packageName) => {
    for (const cache of [createCache(), createCache({ drivers: [reference] })]) {
      const setup = () => cache.setup(url)
      expect(setup).toThrow(`createCache({ ${drivers} })`)
      expect(setup).toThrow(packageName)
      expect(setup).not.toThrow('hunter2')
    }
  })

  it('names the known options when one is unknown', () => {
    const setup = () => createCache({ drivers: [memory] }).setup('mem://?sice=10')
    expect(setup).toThrow(ConfigurationError)
    expect(setup).toThrow(/size.*not sice/)
  })

  it('never shows a password of the address or of the options', () => {
    const messages = ['other://me:hunter2@host?secret=hunter2&api_key=hunter2', 'other://:hunter2@host'].map((url) => {
      try {
        createCache({ drivers: [memory] }).setup(url)
      } catch (error) {
        return (error as Error).message
      }
      return 'hunter2'
    })
    for (const message of messages) expect(message).not.toContain('hunter2')
  })

  it('hides passwords in the errors of a driver too', () => {
    for (const url of ['mem://me:hunter2@host', 'mem://?what=1&secret=hunter2'])
      expect(() => createCache({ drivers: [memory] }).setup(url)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
      )
  })

  it.each([
    [
      'fakes://user:p%40ss@host:1/2?password=0123&enable=0&a=%2B1&read_timeout=1s&b',
      'fakes://user:p%40ss@host:1/2?password=0123&a=%2B1&b',
    ],
    ['fake://host', 'fake://host'],
    ['fake://host?enable=0', 'fake://host'],
  ])('%s is passed to its driver as written, except for the options of the cache', (url, passed) => {
    const driver = fakeDriver()
    createCache({ drivers: [driver] }).setup(url, { size: 5 })
    expect(driver.asked).toEqual([[passed, { size: 5 }]])
  })

  it.each([
    ['mem://', true],
    ['mem://?enable=1', true],
    ['mem://?enabled=true', true],
    ['mem://?enable=0', false],
    ['mem://?enabled=no', false],
    ['mem://?disable=1', false],
    ['mem://?disable=false', true],
    ['mem://?enable=1&enable=0', false],
  ])('%s is enabled: %s', (url, enabled) => {
    expect(
      createCache({ drivers: [memory] })
        .setup(url)
        .isEnabled(),
    ).toBe(enabled)
  })

  it('refuses a value of enable that is neither true nor false', () => {
    expect(() => createCache({ drivers: [memory] }).setup('mem://?enable=perhaps')).toThrow(
      /^enable of .*true or false.*"perhaps"/,
    )
  })

  it('is overridden by an option of the setup', () => {
    expect(
      createCache({ drivers: [memory] })
        .setup('mem://?enable=0', { enabled: true })
        .isEnabled(),
    ).toBe(true)
    expect(
      createCache({ drivers: [memory] })
        .setup('mem://', { enabled: false })
        .isEnabled(),
    ).toBe(false)
  })

  it.each([
    ['sick://', 'a miss'],
    ['sick://?suppress=1', 'a miss'],
    ['sick://?suppress=0', 'an error'],
  ])('%s makes %s of a read that fails', async (url, outcome) => {
    const store = sickStore()
    const driver: Driver = { schemes: ['sick'], fromUrl: () => store }
    const cache = createCache({ drivers: [driver], onError: () => {} }).setup(url)
    await cache.init()
    store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    const read = cache.get('key').then(
      () => 'a miss',
      () => 'an error',
    )
    expect(await read).toBe(outcome)
    await cache.close()
  })

  it('sets the timeouts of reads and writes', async () => {
    const store = sickStore()
    const driver: Driver = { schemes: ['sick'], fromUrl: () => store }
    const cache = createCache({ drivers: [driver], onError: () => {} }).setup(
      'sick://?read_timeout=20ms&writeTimeout=1s',
    )
    await cache.init()
    store.health.illness = hangs
    const answered: string[] = []
    void cache.get('key').then(() => answered.push('read'))
    await vi.advanceTimersByTimeAsync(19)
    expect(answered).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(answered).toEqual(['read'])
    expect(() => createCache({ drivers: [driver] }).setup('sick://?read_timeout=soon')).toThrow(TtlError)
    await cache.close()
  })
})

describe('a setup by value', () => {
  it('refuses an unknown option, and names the known ones', () => {
    expect(() => createCache().setup(reference(), { sise: 5 } as never)).toThrow(/prefix.*not sise/)
  })

  it('refuses anything but a backend', () => {
    const uncalled = () => createCache().setup(memory as unknown as Backend)
    expect(uncalled).toThrow(/such as memory\(\), not a function/)
    expect(uncalled).not.toThrow(/const|=>/)
    for (const target of [undefined, { tags: false }])
      expect(() => createCache().setup(target as unknown as Backend)).toThrow(ConfigurationError)
    expect(() => createCache().setup(reference(), { prefix: 5 as unknown as string })).toThrow('prefix must be text')
  })

  it('refuses an invalid timeout', () => {
    expect(() => createCache().setup(reference(), { readTimeout: 0 })).toThrow(TtlError)
    expect(() => createCache().setup(reference(), { readTimeout: 0 })).toThrow('0 is not a valid readTimeout')
  })

  it('can be chained', async () => {
    const cache = createCache().setup(reference()).setup(reference(), { prefix: 'a:' })
    expect(await cache.getKeysCount()).toBe(0)
  })
})

describe('invalid arguments of createCache and setup', () => {
  it.each<[string, () => unknown]>([
    [
      'createCache takes the options { name, drivers, onError }, not driver.',
      () => createCache({ driver: [] } as never),
    ],
    ['middlewares must be a list such as [log], not [5].', () => createCache().use(5 as never)],
    [
      'middlewares must be a list such as [log], not [5].',
      () => createCache().setup(memory(), { middlewares: [5 as never] }),
    ],
    [
      'middlewares must be a list such as [log], not a function.',
      () => createCache().setup(memory(), { middlewares: (() => {}) as never }),
    ],
    ['drivers must be a list such as [memory], not a function.', () => createCache({ drivers: memory as never })],
    ['drivers must be a list', () => createCache().setup('mem://', { drivers: memory as never })],
    ['such as [memory], not [MemoryBackend {', () => createCache({ drivers: [memory() as never] })],
    ['onError must be a function, not 5.', () => createCache({ onError: 5 as never })],
    ["enabled must be true or false, not 'no'.", () => createCache().setup(memory(), { enabled: 'no' as never })],
    ["suppress must be true or false, not 'no'.", () => createCache().setup(memory(), { suppress: 'no' as never })],
    ['memoryLimit takes the options { min, max }, not maxBytes.', () => memoryLimit({ maxBytes: 1 } as never)],
    ['A listener must be a function, not undefined.', () => createCache().on('get', undefined as never)],
    ['The formatter "x" must be a function, not undefined.', () => formatter.register('x', undefined as never)],
  ])('are refused at once: %s', (message, wire) => {
    expect(wire).toThrow(ConfigurationError)
    expect(wire).toThrow(message)
  })
})

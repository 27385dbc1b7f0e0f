import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RedisOptions, redis } from '@cashews/backend-redis'
import { BackendUnavailableError, createCache } from '@cashews/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshDirectory } from '../support/disk/fresh-directory.ts'
import { eventually } from '../support/redis/eventually.ts'
import { freePort } from '../support/redis/ports.ts'
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts'
import { startWatcher } from '../support/redis/sentinel.ts'

/** The output of a redis-server that was built without TLS. */
const NO_TLS = /tls-port.*\n.*(?:Bad directive|built without)|(?:Bad directive|built without)[\s\S]*tls/i

describe('Redis over TLS', () => {
  const folder = freshDirectory(afterAll)
  let server: RedisServer | undefined
  let ca: string
  let url: string
  let files: string[]

  beforeAll(async () => {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert]
    execFileSync('openssl', [...made, ...subject], { stdio: 'pipe' })
    ca = await readFile(cert, 'utf8')
    const port = await freePort()
    files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert]
    url = `rediss://127.0.0.1:${port}`
    try {
      server = await startRedis({ args: ['--tls-port', `${port}`, ...files, '--tls-auth-clients', 'no'] })
    } catch (error) {
      if (!NO_TLS.test(String(error))) throw error
    }
  })
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]()
  })

  const cacheOn = (options: RedisOptions) => {
    const backend = redis({ url, namespace: `tls:${crypto.randomUUID()}:`, ...options })
    const cache = createCache().setup(backend, { suppress: false, readTimeout: '5s', writeTimeout: '5s' })
    return { backend, cache, [Symbol.asyncDispose]: () => cache.close() }
  }

  it('supports values, locks and client-side copies', async ({ skip }) => {
    skip(server === undefined, 'This redis-server was built without TLS.')
    await using near = cacheOn({ tls: { ca }, clientSide: true })
    const { cache, backend } = near
    await cache.set('k', { a: 1 })
    expect(await cache.get('k')).toEqual({ a: 1 })
    await eventually(() => backend.clientSide?.live)
    await cache.get('k')
    await cache.get('k')
    expect(backend.clientSide?.hits).toBeGreaterThan(0)
    await using held = await cache.acquireLock('job', { ttl: '10s' })
    const next = cache.lock('job', { ttl: '10s', wait: '10s' }, async () => 'mine')
    await held.release()
    expect(await next).toBe('mine')
  })

  it('reaches a master through a Sentinel when both accept only TLS', async ({ skip }) => {
    skip(server === undefined, 'This redis-server was built without TLS.')
    const port = await freePort()
    const lines = files.flatMap((word, at) => (at % 2 === 0 ? [`${word.slice(2)} ${files[at + 1]}`] : []))
    const config = [`tls-port ${port}`, ...lines, 'tls-auth-clients no', 'tls-replication yes']
    await using _ = await startWatcher(Number(new URL(url).port), 5_000, config)
    await using far = cacheOn({ url: `rediss+sentinel://127.0.0.1:${port}/mymaster`, tls: { ca } })
    await far.cache.set('k', 1)
    expect(await far.cache.get('k')).toBe(1)
  })

  it.for(['cluster://HOST', 'sentinel://HOST/mymaster'])(
    'rejects an untrusted certificate of a %s',
    async (place, { skip }) => {
      skip(server === undefined, 'This redis-server was built without TLS.')
      const at = `rediss+${place.replace('HOST', new URL(url).host)}`
      await using trusting = cacheOn({ url: at })
      await expect(trusting.cache.get('k')).rejects.toThrow(/certificate/)
    },
  )

  it('rejects an untrusted certificate, and sends nothing in plain text instead', async ({ skip }) => {
    skip(server === undefined, 'This redis-server was built without TLS.')
    await using trusting = cacheOn({})
    const refused = await trusting.cache.set('secret', 1).catch((error) => error)
    expect(refused).toBeInstanceOf(BackendUnavailableError)
    expect(refused.message).toMatch(/certificate/)
    expect(await server?.admin.keys('*secret')).toEqual([])
  })
})

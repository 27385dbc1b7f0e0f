import { inspect } from 'node:util'
import { BackendError, BackendUnavailableError, CommandError, WrongTypeError } from '@cashews/core'
import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { asBackendError } from '../src/connection/errors.ts'

it('a command that a broken connection could not send has an error of its own, and has certainly changed nothing', async () => {
  const client = new Redis({ lazyConnect: true, enableOfflineQueue: false })
  const raised = await client.get('k').catch((error) => error)
  client.disconnect()
  const error = asBackendError(raised)
  expect(error).toBeInstanceOf(BackendUnavailableError)
  expect(error).toMatchObject({ message: 'Redis cannot be reached: the connection broke.', isUndone: true })
})

it('a command whose reply was lost has an error of its own, which mentions no setting of the client', () => {
  const raised = Object.assign(new Error('Reached the max retries per request limit (which is 0). Refer to …'), {
    name: 'MaxRetriesPerRequestError',
  })
  const error = asBackendError(raised)
  expect(error).toBeInstanceOf(BackendUnavailableError)
  expect(error).toMatchObject({
    message: 'Redis cannot be reached: the connection broke before it answered.',
    cause: raised,
  })
  expect(error).not.toMatchObject({ isUndone: true })
})

it('an error contains no password, neither in the command nor in the error of a cluster node', () => {
  const refused = Object.assign(new Error('WRONGPASS invalid username-password pair'), {
    name: 'ReplyError',
    command: { name: 'hello', args: ['3', 'AUTH', 'default', 'HUSH'] },
  })
  const ofCluster = Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: refused })
  for (const raised of [ofCluster, refused])
    expect(inspect(asBackendError(raised), { depth: 9, showHidden: true })).not.toContain('HUSH')
})

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' })

it.each([
  ['LOADING Redis is loading the dataset in memory', BackendUnavailableError, true],
  ['BUSY Redis is busy running a script.', BackendUnavailableError, true],
  ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", BackendUnavailableError, true],
  ['CLUSTERDOWN Hash slot not served', BackendUnavailableError, true],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', WrongTypeError, undefined],
  ['ERR Error running script: @user_script:3: WRONGTYPE Operation against a key', WrongTypeError, undefined],
  ['ERR value is not an integer or out of range', WrongTypeError, undefined],
  ["OOM command not allowed when used memory > 'maxmemory'.", BackendError, true],
  ['BUSYKEY Target key name already exists.', BackendError, true],
])('%s is the answer of a server, and a %o', (message, Kind, isUndone) => {
  const raised = reply(message)
  const error = asBackendError(raised)
  expect(error.constructor).toBe(Kind)
  expect(error).toMatchObject({ cause: raised, ...(isUndone && { isUndone, message: `Redis answered: ${message}` }) })
})

it('a command that was redirected in vain was not carried out by any server', () => {
  const raised = new Error('Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys request')
  const error = asBackendError(raised)
  expect(error.constructor).toBe(BackendError)
  expect(error).toMatchObject({ message: 'Redis answered: TRYAGAIN Multiple keys request', isUndone: true })
})

it('whatever else is raised means that the server cannot be reached, and that the outcome is unknown', () => {
  for (const raised of [new Error('read ECONNRESET'), 'read ECONNRESET']) {
    const error = asBackendError(raised)
    expect(error.constructor).toBe(BackendUnavailableError)
    expect(error).toMatchObject({ message: 'Redis cannot be reached: read ECONNRESET', isUndone: false })
  }
})

it('an error of the framework remains as it is', () => {
  const own = new CommandError('too long')
  expect(asBackendError(own)).toBe(own)
})

it('a command that carries no password remains part of an error', () => {
  const command = { name: 'set', args: ['k', 'v'] }
  expect(asBackendError(Object.assign(reply('OOM'), { command })).cause).toMatchObject({ command })
})

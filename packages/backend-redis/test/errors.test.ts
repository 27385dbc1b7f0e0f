import { inspect } from 'node:util'
import { BackendUnavailableError } from '@cashews/core'
import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { asBackendError } from '../src/errors.ts'

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

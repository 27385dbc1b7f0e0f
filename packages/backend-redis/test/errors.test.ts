import { BackendUnavailableError } from '@cashews/core'
import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { asBackendError } from '../src/errors.ts'

it('a command that a broken connection could not even send is told as that, and has surely changed nothing', async () => {
  const client = new Redis({ lazyConnect: true, enableOfflineQueue: false })
  const raised = await client.get('k').catch((error) => error)
  client.disconnect()
  const error = asBackendError(raised)
  expect(error).toBeInstanceOf(BackendUnavailableError)
  expect(error).toMatchObject({ message: 'Redis cannot be reached: the connection broke.', isUndone: true })
})

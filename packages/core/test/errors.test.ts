import * as core from '@cashews/core'
import { describe, expect, it } from 'vitest'

const CODES = {
  BackendError: 'CASHEWS_BACKEND',
  BackendUnavailableError: 'CASHEWS_BACKEND_UNAVAILABLE',
  CacheClosedError: 'CASHEWS_CLOSED',
  CommandError: 'CASHEWS_COMMAND',
  ConfigurationError: 'CASHEWS_CONFIGURATION',
  DecodeError: 'CASHEWS_DECODE',
  KeyTemplateError: 'CASHEWS_KEY_TEMPLATE',
  LockedError: 'CASHEWS_LOCKED',
  NotConfiguredError: 'CASHEWS_NOT_CONFIGURED',
  NotStoredError: 'CASHEWS_NOT_STORED',
  NotSupportedError: 'CASHEWS_NOT_SUPPORTED',
  TtlError: 'CASHEWS_TTL',
  ValueError: 'CASHEWS_VALUE',
  WrongTypeError: 'CASHEWS_WRONG_TYPE',
} as const

describe('an error', () => {
  it.each(Object.entries(CODES))('of type %s has the stable code %s', (name, code) => {
    const Type = Object.entries(core).find(([exported]) => exported === name)?.[1] as typeof core.TtlError
    const error = new Type('what happened', { cause: 'why' })
    expect(error).toBeInstanceOf(core.CashewsError)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ code, name, message: 'what happened', cause: 'why' })
  })

  it('keeps keys and values on one line, so that no key can forge a line of a log', () => {
    const { message, stack } = new core.WrongTypeError('Key "a\n[error]\u001b[2K\r\u2028b" holds no set.')
    expect(message).toBe('Key "a%0A[error]%1B[2K%0D%E2%80%A8b" holds no set.')
    expect(stack?.split('\n')[0]).toBe(`WrongTypeError: ${message}`)
  })

  it('has a code of its own', () => {
    expect(new Set(Object.values(CODES)).size).toBe(Object.keys(CODES).length)
    const exported = Object.keys(core).filter((name) => name.endsWith('Error') && name !== 'CashewsError')
    expect(exported.sort()).toEqual(Object.keys(CODES).sort())
  })
})

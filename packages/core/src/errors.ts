/**
 * The root of every error this framework raises.
 *
 * Branch on {@link CashewsError.code}: it is stable. The message is for people and says what happened, to which value,
 * and what to do about it.
 */
export abstract class CashewsError extends Error {
  /** A stable, machine-readable name, such as `CASHEWS_TTL`. */
  abstract readonly code: string

  /**
   * @param message May contain keys and values from outside. Line breaks in it become `%0A`, so that nobody can forge lines of
   * a log.
   * @param picture More lines, which must not contain anything from outside.
   */
  constructor(message = '', options?: ErrorOptions, picture = '') {
    super(message.replace(/[\p{Cc}\u2028\u2029]/gu, encodeURIComponent) + picture, options)
  }

  /** The name of its class, declared by each class as a string, since minifiers rename classes. */
  override get name(): string {
    return this.constructor.name
  }
}

/** Makes an error without a stack, for a call that is refused: the stack would cost ten times as much as the decision. */
export function withoutStack<E extends Error>(make: () => E): E {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** No backend is set up for a key, or none at all. */
export class NotConfiguredError extends CashewsError {
  static override readonly name = 'NotConfiguredError'
  readonly code = 'CASHEWS_NOT_CONFIGURED'
}

/** A setting has a value that cannot work, or a name that does not exist. */
export class ConfigurationError extends CashewsError {
  static override readonly name = 'ConfigurationError'
  readonly code = 'CASHEWS_CONFIGURATION'
}

/** A time to live that is zero, negative, not a number, or text that cannot be read. */
export class TtlError extends CashewsError {
  static override readonly name = 'TtlError'
  readonly code = 'CASHEWS_TTL'
}

/** A key template, or a value for one of its placeholders, that cannot become a key. */
export class KeyTemplateError extends CashewsError {
  static override readonly name = 'KeyTemplateError'
  readonly code = 'CASHEWS_KEY_TEMPLATE'
}

/** The arguments of a command are not what it accepts. */
export class CommandError extends CashewsError {
  static override readonly name = 'CommandError'
  readonly code = 'CASHEWS_COMMAND'
}

/** A command needs a feature that its backend does not have, or that was not installed. */
export class NotSupportedError extends CashewsError {
  static override readonly name = 'NotSupportedError'
  readonly code = 'CASHEWS_NOT_SUPPORTED'
}

/** A value that a backend cannot store, such as a function. */
export class ValueError extends CashewsError {
  static override readonly name = 'ValueError'
  readonly code = 'CASHEWS_VALUE'
}

/**
 * Why stored bytes cannot be used: they were not written by this library (`foreign`), or not with the secret (`unsealed`,
 * `forged`); they are older than allowed (`expired`), larger than allowed (`limit`) or broken (`corrupt`); their class is
 * unknown or refuses them (`type`), or they do not match the schema (`schema`).
 */
export type DecodeReason = 'foreign' | 'unsealed' | 'forged' | 'expired' | 'limit' | 'corrupt' | 'type' | 'schema'

/** The value of a key cannot be read, or must not be trusted. It is a miss and reported to `onError`; with `strict`, it is thrown. */
export class DecodeError extends CashewsError {
  static override readonly name = 'DecodeError'
  readonly code = 'CASHEWS_DECODE'
  /** Why; `corrupt` if nothing more is known. */
  readonly reason: DecodeReason

  constructor(message: string, { reason = 'corrupt', ...options }: ErrorOptions & { reason?: DecodeReason } = {}) {
    super(message, options)
    this.reason = reason
  }
}

/** A key holds something that the command does not work on, such as text for `incr`. */
export class WrongTypeError extends CashewsError {
  static override readonly name = 'WrongTypeError'
  readonly code = 'CASHEWS_WRONG_TYPE'
}

/** A lock was held by somebody else for longer than the caller wanted to wait, or it was lost. */
export class LockedError extends CashewsError {
  static override readonly name = 'LockedError'
  readonly code = 'CASHEWS_LOCKED'
}

/** The cache was closed before the command, or while it was running. */
export class CacheClosedError extends CashewsError {
  static override readonly name = 'CacheClosedError'
  readonly code = 'CASHEWS_CLOSED'
}

/** The store answered and refused: out of memory, read-only, a reply that cannot be understood. */
export class BackendError extends CashewsError {
  static override readonly name: string = 'BackendError'
  readonly code: string = 'CASHEWS_BACKEND'
  /**
   * Whether it is certain that the operation was not done and will not be, because the store refused it or was not asked.
   *
   * @default true, except for {@link BackendUnavailableError}
   */
  readonly isUndone: boolean

  constructor(message?: string, { isUndone, ...options }: ErrorOptions & { readonly isUndone?: boolean } = {}) {
    super(message, options)
    this.isUndone = isUndone ?? !(this instanceof BackendUnavailableError)
  }
}

/** The store cannot be reached, or did not answer in time. */
export class BackendUnavailableError extends BackendError {
  static override readonly name = 'BackendUnavailableError'
  override readonly code = 'CASHEWS_BACKEND_UNAVAILABLE'
}

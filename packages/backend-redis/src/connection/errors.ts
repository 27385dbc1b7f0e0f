import { BackendError, BackendUnavailableError, CashewsError, WrongTypeError } from '@cashews/core'

/** Replies of a server that is running but cannot serve anybody at the moment. */
const AWAY = /^(?:LOADING|BUSY|MASTERDOWN|CLUSTERDOWN)\b/

/** Replies to a command for another kind of key. Older servers wrap them in an error of the script. */
const WRONG_TYPE = /WRONGTYPE|not an integer|increment or decrement would overflow/

/** The client's error for a command that it could not send, because it has just noticed that the connection broke. */
const UNSENT = /^Stream isn't writeable/

/** The client's error for a command that the servers of a moving slot kept redirecting. None of them has run it. */
const REDIRECTED_IN_VAIN = /^Too many Cluster redirections\. Last error: ReplyError: ((?:MOVED|ASK|TRYAGAIN)\b.*)/

/** The client's error for a command whose reply was lost with the connection. Its message mentions a setting that is ours. */
const UNANSWERED = 'MaxRetriesPerRequestError'

/** Commands that carry a password. */
const LOGIN = /^(?:auth|hello)$/i

/** Removes from an error of the client what must not be logged: the password that it logged in with. */
export function withoutPassword<E extends Error>(error: E): E {
  const { command, lastNodeError } = error as { readonly command?: { name?: string }; readonly lastNodeError?: Error }
  if (command?.name !== undefined && LOGIN.test(command.name))
    Object.assign(error, { command: { name: command.name, args: [] } })
  if (lastNodeError) withoutPassword(lastNodeError)
  return error
}

/** Converts whatever the client or the server raised to an error of the backend contract. */
export function asBackendError(error: unknown): CashewsError {
  if (error instanceof CashewsError) return error
  const { name, message } = error instanceof Error ? withoutPassword(error) : { name: '', message: String(error) }
  if (UNSENT.test(message))
    return new BackendUnavailableError('Redis cannot be reached: the connection broke.', {
      cause: error,
      isUndone: true,
    })
  const [, redirection] = REDIRECTED_IN_VAIN.exec(message) ?? []
  if (redirection) return new BackendError(`Redis answered: ${redirection}`, { cause: error, isUndone: true })
  if (name === UNANSWERED)
    return new BackendUnavailableError('Redis cannot be reached: the connection broke before it answered.', {
      cause: error,
    })
  if (name !== 'ReplyError') return new BackendUnavailableError(`Redis cannot be reached: ${message}`, { cause: error })
  if (WRONG_TYPE.test(message)) return new WrongTypeError(message, { cause: error })
  const answered = `Redis answered: ${message}`
  if (AWAY.test(message)) return new BackendUnavailableError(answered, { cause: error, isUndone: true })
  return new BackendError(answered, { cause: error })
}

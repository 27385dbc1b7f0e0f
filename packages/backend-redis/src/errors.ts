import { BackendError, BackendUnavailableError, CashewsError, WrongTypeError } from '@cashews/core'

/** Replies of a server that is there and cannot serve anybody for now. */
const AWAY = /^(?:LOADING|BUSY|MASTERDOWN|CLUSTERDOWN)\b/

/** Replies to a command for another kind of key. Older servers hide them inside an error of the script. */
const WRONG_TYPE = /WRONGTYPE|not an integer|increment or decrement would overflow/

/** What the client says of a command that it could not even send: a connection broke, and it has just noticed. */
const UNSENT = /^Stream isn't writeable/

/** What the client says of a command that it has taken to the servers of a moving slot in vain. None of them has run it. */
const REDIRECTED_IN_VAIN = /^Too many Cluster redirections\. Last error: ReplyError: ((?:MOVED|ASK|TRYAGAIN)\b.*)/

/** What the client says of a command whose answer was lost with the connection. Its message names a setting that nobody is to change. */
const UNANSWERED = 'MaxRetriesPerRequestError'

/** Commands that carry a password. */
const LOGIN = /^(?:auth|hello)$/i

/** Takes out of an error of the client what no log may tell: the password that it logged in with. */
export function withoutPassword<E extends Error>(error: E): E {
  const { command, lastNodeError } = error as { readonly command?: { name?: string }; readonly lastNodeError?: Error }
  if (command?.name !== undefined && LOGIN.test(command.name))
    Object.assign(error, { command: { name: command.name, args: [] } })
  if (lastNodeError) withoutPassword(lastNodeError)
  return error
}

/** Makes an error of the contract of whatever the client or the server raised. */
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

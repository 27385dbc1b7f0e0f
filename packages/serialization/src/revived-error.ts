import { ERRORS } from './built-in.ts'
import { asList, asText, fail, pairs } from './content.ts'

/** Makes an error of its class, its message, its properties, and the names of those that are not enumerable. */
export function makeError(content: unknown): Error {
  const [name, message, more, hidden] = asList(content)
  const Class = ERRORS.find((known) => known.name === name) ?? fail()
  const properties = pairs(more)
  const error = bareError(Class, asText(message), properties)
  const invisible = asList(hidden)
  for (const [key, value] of properties)
    Object.defineProperty(error, asText(key), {
      value,
      enumerable: !invisible.includes(key),
      configurable: true,
      writable: true,
    })
  return error
}

/** An error without a stack: where it is read tells nothing. */
function bareError(Class: object, message: string, properties: [unknown, unknown][]): Error {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    if (Class === AggregateError) return new AggregateError([], message)
    if (Class === DOMException) return new DOMException(message, asText(new Map(properties).get('name')))
    return new (Class as ErrorConstructor)(message)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

import { ERRORS } from '../types/built-in.ts'
import { asList, asText, fail, pairs } from './content.ts'

/** Restores an error from its class, message, properties, and the names of those that are not enumerable. */
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

/** Creates an error without a stack, which would only show where it was read. */
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

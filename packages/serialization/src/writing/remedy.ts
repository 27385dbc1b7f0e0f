import { Readable } from 'node:stream'

/** What to do about a part whose class is not registered, as the end of an error message. */
export function remedyFor(part: object): string {
  if (part instanceof Promise) return ' Await it first.'
  if (part instanceof Response) return ' Call registerResponse() once.'
  if (part instanceof ReadableStream || part instanceof Readable) return ' Call registerStreams() once.'
  const name = part.constructor?.name || 'the class'
  if (name === 'Object') return ' It inherits from another object: store a copy, { ...it }.'
  return ` Store plain data, or register its class: registerType(${name}, { id, encode, decode }).`
}

/** Describes a part of a value for error messages. */
export function nameOf(part: unknown): string {
  if (typeof part === 'function') return part.name ? `the function "${part.name}"` : 'a function without a name'
  if (typeof part !== 'object') return `the ${typeof part} ${String(part)}`
  const tag = Object.prototype.toString.call(part).slice('[object '.length, -1)
  return `an object of class "${part?.constructor?.name || tag}"`
}

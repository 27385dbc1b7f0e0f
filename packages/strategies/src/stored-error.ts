const ERROR = '\0error'

/** Puts an error in the place of a value, as data that any store can carry: a later call throws it again. */
export function storedError(error: unknown): object {
  return { [ERROR]: error }
}

/** Answers a value that came from the store, or throws the error that was stored for it. */
export function unwrap<T>(stored: T): T {
  if (typeof stored === 'object' && stored !== null && Object.hasOwn(stored, ERROR))
    throw (stored as Readonly<Record<string, unknown>>)[ERROR]
  return stored
}

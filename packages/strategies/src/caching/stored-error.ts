const ERROR = '\0error'

/** Wraps an error as plain data, which any store can hold, for later calls to throw it again. */
export function storedError(error: unknown): object {
  return { [ERROR]: error }
}

/** Returns a stored value, or throws the error that was stored in its place. */
export function unwrap<T>(stored: T): T {
  if (typeof stored === 'object' && stored !== null && Object.hasOwn(stored, ERROR))
    throw (stored as Readonly<Record<string, unknown>>)[ERROR]
  return stored
}

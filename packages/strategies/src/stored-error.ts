/** An error in place of a value: a later call throws it again. */
export class StoredError {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/** Answers a value that came from the store, or throws the error that was stored for it. */
export function unwrap<T>(stored: unknown): T {
  if (stored instanceof StoredError) throw stored.error
  return stored as T
}

/** Collects keys into batches of `size`. If the keys end with an error, those before it are yielded first. */
export async function* batches(keys: AsyncIterable<string> | Iterable<string>, size: number): AsyncGenerator<string[]> {
  let batch: string[] = []
  let failure: { readonly error: unknown } | undefined
  try {
    for await (const key of keys) {
      if (batch.push(key) < size) continue
      yield batch
      batch = []
    }
  } catch (error) {
    failure = { error }
  }
  if (batch.length > 0) yield batch
  if (failure) throw failure.error
}

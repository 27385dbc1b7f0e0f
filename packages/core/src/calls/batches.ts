/** Collects keys into batches of `size`. If the keys end with an error, those before it, or none, are yielded first. */
export async function* batches(keys: AsyncIterable<string> | Iterable<string>, size: number): AsyncGenerator<string[]> {
  let batch: string[] = []
  try {
    for await (const key of keys) {
      if (batch.push(key) < size) continue
      yield batch
      batch = []
    }
  } catch (error) {
    yield batch
    throw error
  }
  if (batch.length > 0) yield batch
}

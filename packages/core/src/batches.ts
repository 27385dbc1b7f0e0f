/** Collects keys into batches of `size`. */
export async function* batches(keys: AsyncIterable<string> | Iterable<string>, size: number): AsyncGenerator<string[]> {
  let batch: string[] = []
  for await (const key of keys) {
    if (batch.push(key) < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

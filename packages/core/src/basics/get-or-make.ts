/** A Map, or a WeakMap. */
interface Keeper<K, V> {
  get(key: K): V | undefined
  set(key: K, value: V): unknown
}

/** Returns the value of a key, which is made the first time. */
export function getOrMake<K, V>(map: Keeper<K, V>, key: K, make: (key: K) => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make(key)
  map.set(key, made)
  return made
}

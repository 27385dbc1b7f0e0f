import { getOrMake } from './get-or-make.ts'

/** Answers the one companion of each object, made when first asked for and kept as long as the object lives. */
export function companionOf<K extends object, V>(make: () => V): (object: K) => V {
  const companions = new WeakMap<K, V>()
  return (object) => getOrMake(companions, object, make)
}

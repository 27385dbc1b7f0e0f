import { getOrMake } from './get-or-make.ts'

/** Returns a function that makes one companion per object, and keeps it for as long as the object exists. */
export function companionOf<K extends object, V>(make: () => V): (object: K) => V {
  const companions = new WeakMap<K, V>()
  return (object) => getOrMake(companions, object, make)
}

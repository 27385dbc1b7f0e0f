import { getOrMake } from './get-or-make.ts'

/**
 * Returns a function that makes one companion per object, and keeps it for as long as the object exists. At the first call for
 * an object, another way to make it may be given.
 */
export function companionOf<K extends object, V>(usual: (object: K) => V): (object: K, make?: (object: K) => V) => V {
  const companions = new WeakMap<K, V>()
  return (object, make = usual) => getOrMake(companions, object, make)
}

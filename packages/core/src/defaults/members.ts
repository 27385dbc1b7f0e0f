import { type Backend, type BackendBase, MISS } from '../backend.ts'
import { type Awaitable, all, chain } from '../basics/awaitable.ts'
import { sizeOf } from '../values/size-of.ts'
import { update } from './update.ts'

/** The members of {@link Backend} that can be made of a {@link BackendBase} alone. */
type Derived = Pick<
  Backend,
  'getMany' | 'setMany' | 'deleteMany' | 'exists' | 'expire' | 'timeLeft' | 'size' | 'ping' | 'getRaw' | 'setRaw'
>

/** Reads keys at once, or one by one if the store cannot. */
export function getAll(
  base: Pick<BackendBase, 'get'> & Partial<Pick<Backend, 'getMany'>>,
  keys: readonly string[],
): Awaitable<unknown[]> {
  return base.getMany?.(keys) ?? all(keys.map((key) => base.get(key)))
}

/** Deletes keys one by one, and counts those that existed. */
export function deleteEach(base: Pick<BackendBase, 'delete'>, keys: readonly string[]): Awaitable<number> {
  return chain(all(keys.map((key) => base.delete(key))), (gone) => gone.filter(Boolean).length)
}

/** Makes the members that a store does not bring, each in one step where the contract asks for one. */
export function defaultMembers(base: BackendBase): Derived {
  return {
    getMany: (keys) => all(keys.map((key) => base.get(key))),
    setMany: (entries, lifetime) => chain(all(entries.map(([key, value]) => base.set(key, value, lifetime))), () => {}),
    deleteMany: (keys) => deleteEach(base, keys),
    exists: (key) => chain(base.inspect(key), (found) => found !== MISS),
    expire: (key, lifetime) =>
      update(base, key, (found) => (found === MISS ? [false] : [true, { op: 'expire', key, lifetime }])),
    timeLeft: (key) => chain(base.inspect(key), (found) => (found === MISS ? found : found.timeLeft)),
    size: (key) => chain(base.inspect(key), (found) => (found === MISS ? 0 : sizeOf([key, found.value]))),
    ping: (message) => chain(base.inspect(''), () => message),
    getRaw: (key) => base.get(key),
    setRaw: (key, raw, lifetime) => base.set(key, raw, lifetime),
  }
}

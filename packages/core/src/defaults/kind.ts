import { type BackendBase, type Content, MISS, type Milliseconds, type Miss, type Snapshot } from '../backend.ts'
import { type Awaitable, chain } from '../basics/awaitable.ts'
import { WrongTypeError } from '../errors.ts'
import { type Updatable, update } from './update.ts'

/** What a key can hold besides a value, in a store of values only. */
export type Kind = 'bits' | 'window' | 'set' | 'lock'

const KIND = '\u0000kind'

/** The stored form of a set, bits, a window or a lock: plain data, so that any codec can encode it. */
interface Kept<T> {
  readonly [KIND]: Kind
  readonly items: readonly T[]
}

/** Returns a plain value, and `MISS` for content of another kind. */
export function onlyValue(value: unknown): unknown {
  return isKept(value) ? MISS : value
}

/** Wraps content, so that it can be stored as a value. */
export function keptAs({ kind, items }: { readonly kind: Kind; readonly items: readonly unknown[] }): unknown {
  return { [KIND]: kind, items }
}

/** Unwraps what {@link keptAs} wrapped; `undefined` for a plain value. */
export function contentOf(value: unknown): Content | undefined {
  return isKept(value) ? ({ kind: value[KIND], items: value.items } as Content) : undefined
}

/** Unwraps the content in a snapshot of a store of values only. */
export function withContent(found: Snapshot | Miss): Snapshot | Miss {
  const content = found === MISS ? undefined : contentOf(found.value)
  return content === undefined ? found : { ...(found as Snapshot), value: MISS, content }
}

/** Reads the items of a key; none when it is absent. */
export function itemsOf<T>(store: Pick<BackendBase, 'get'>, kind: Kind, key: string): Awaitable<readonly T[]> {
  return chain(store.get(key), (value) => unpack<T>(value, kind, key))
}

/**
 * Changes the items of a key in one step.
 *
 * @param change Returns the caller's answer, the new items (omitted: unchanged; empty: the key is deleted) and a new
 * lifetime (omitted: the key keeps its own).
 */
export function editItems<T, R>(
  store: Updatable,
  kind: Kind,
  key: string,
  change: (
    items: readonly T[],
  ) => readonly [answer: R, items?: readonly T[] | false, lifetime?: Milliseconds | undefined],
): Awaitable<R> {
  return update(store, key, (found) => {
    const [answer, items, lifetime = 'keep'] = change(unpack(found === MISS ? found : found.value, kind, key))
    if (!items) return [answer]
    if (!items.length) return [answer, { op: 'delete', key }]
    return [answer, { op: 'set', key, value: keptAs({ kind, items }), lifetime }]
  })
}

function unpack<T>(value: unknown, kind: Kind, key: string): readonly T[] {
  if (value === MISS) return []
  if (isKept(value) && value[KIND] === kind) return value.items as readonly T[]
  throw new WrongTypeError(`Key "${key}" holds no ${kind}.`)
}

function isKept(value: unknown): value is Kept<unknown> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, KIND)
}

import { type Awaitable, chain } from '../awaitable.ts'
import { type BackendBase, type Content, MISS, type Milliseconds, type Miss, type Snapshot } from '../backend.ts'
import { WrongTypeError } from '../errors.ts'
import { type Updatable, update } from './update.ts'

/** What a key can hold beside a value, in a store that itself knows values only. */
export type Kind = 'bits' | 'window' | 'set' | 'lock'

const KIND = '\u0000kind'

/** How a key of another kind is kept: as plain data, so that any codec carries it. */
interface Kept<T> {
  readonly [KIND]: Kind
  readonly items: readonly T[]
}

/** Hides what a key of another kind holds: it is a miss. */
export function onlyValue(value: unknown): unknown {
  return isKept(value) ? MISS : value
}

/** Keeps content as a value. */
export function keptAs({ kind, items }: { readonly kind: Kind; readonly items: readonly unknown[] }): unknown {
  return { [KIND]: kind, items }
}

/** The content that is kept as a value; `undefined` for a value. */
export function contentOf(value: unknown): Content | undefined {
  return isKept(value) ? ({ kind: value[KIND], items: value.items } as Content) : undefined
}

/** Tells content from values in what a store that knows values only has. */
export function withContent(found: Snapshot | Miss): Snapshot | Miss {
  const content = found === MISS ? undefined : contentOf(found.value)
  return content === undefined ? found : { ...(found as Snapshot), value: MISS, content }
}

/** Answers the items of a key, none when it is absent. */
export function itemsOf<T>(store: Pick<BackendBase, 'get'>, kind: Kind, key: string): Awaitable<readonly T[]> {
  return chain(store.get(key), (value) => unpack<T>(value, kind, key))
}

/**
 * Changes the items of a key in one step. `change` answers what the caller gets, the items that are left (omitted: as
 * they were; none: the key is removed) and a new lifetime (omitted: the key keeps its own).
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
    const absent = found === MISS
    const [answer, items, lifetime] = change(unpack(absent ? found : found.value, kind, key))
    if (!items) return [answer]
    if (!items.length) return [answer, { op: 'delete', key }]
    const value = keptAs({ kind, items })
    return [answer, { op: 'set', key, value, lifetime: lifetime ?? (absent ? Number.POSITIVE_INFINITY : 'keep') }]
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

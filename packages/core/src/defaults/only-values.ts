import type { Backend, Leased, Leases } from '../backend.ts'
import { chain } from '../basics/awaitable.ts'
import { onlyValue, withContent } from './kind.ts'

/**
 * Hides the marked values as which a store keeps sets, bits or windows: whoever reads such a key as a value gets a miss.
 * The members that answer without core in between are left out.
 */
export function onlyValues({ answerNow: _, getFor: __, ...backend }: Backend): Backend {
  const { get, getMany, getRaw, inspect, getNow, tags, leases } = backend
  return {
    ...backend,
    get: (key) => chain(get(key), onlyValue),
    getMany: (keys) => chain(getMany(keys), (found) => found.map(onlyValue)),
    getRaw: (key) => chain(getRaw(key), onlyValue),
    inspect: (key) => chain(inspect(key), withContent),
    ...(getNow && { getNow: (key) => onlyValue(getNow(key)) }),
    tags: tags && { ...tags, stale: (key) => chain(tags.stale(key), onlyValue) },
    ...(leases && { leases: onlyLeasedValues(leases) }),
  }
}

function onlyLeasedValues(leases: Leases): Leases {
  const hide = (leased: Leased): Leased => ({ ...leased, value: onlyValue(leased.value) })
  return { ...leases, get: (key, tags) => chain(leases.get(key, tags), hide) }
}

import { type Backend, MISS, type Spot, type Tags, type TagsAhead } from '../backend.ts'
import { type Awaitable, chain, isAtHand } from '../basics/awaitable.ts'
import { perform } from '../calls/commands.ts'
import type { Call, CallOf } from '../command.ts'
import { isOvertakenUnder, type Lease, type Leases, UNPROVEN } from './lease.ts'

/** The read of a load. */
type LoadingRead = CallOf<'get'> & { readonly lease: Lease }

type StoreLeases = NonNullable<Backend['leases']>

/** Whether the store can tell that another process has overtaken a load. */
export function watchesLoads({ leases, tags: group }: Backend, tags: TagsAhead | undefined): boolean {
  return leases !== undefined || Boolean(tags && group && group.capture)
}

/** Whether a call is the read of a load. It is sent even if reads are disabled, so that its lease can be broken. */
export function beginsLoad(call: Call): call is LoadingRead {
  return call.command === 'get' && call.lease !== undefined
}

/** Notes in advance whether a load needs a token, because its read may never reach the store. */
export function expectProof(call: LoadingRead): void {
  const { lease } = call
  lease.key = call.key
  lease.tags = call.tags
  lease.isAsked = watchesLoads(call.backend, call.tags)
}

/** Takes the lease of a load, under the names that its key and tags have in the store. */
export function begin(call: LoadingRead, among: Leases): void {
  const { lease } = call
  if (lease.among) return
  lease.tags = call.tags
  among.take(call.key, lease)
}

/** Reads for a load. On a miss, takes its lease, with a token if the store gives tokens. */
export function getWithLease(call: LoadingRead, among: Leases): Awaitable<unknown> {
  const { lease } = call
  const { leases, tags } = call.backend
  if (leases) return getWithToken(call, among, leases)
  const found = call.leaseOnly ? MISS : call.backend.get(call.key, spotOf(call))
  if (!lease.isDue && isAtHand(found)) {
    lease.key = call.key
    lease.tags = call.tags
    return found
  }
  begin(call, among)
  return call.tags && tags && tags.capture ? withProof(found, call.tags, tags, lease) : found
}

/** Whether a call is the write of a load that must not be stored: it has no token, or was invalidated. */
export function isTooLate(call: Call): boolean {
  if (call.command !== 'set' || !call.lease) return false
  return call.lease.token === UNPROVEN || isOvertakenUnder(call.lease, call.tags)
}

/** Writes the value of a load, unless it was invalidated. */
export function setWithLease(call: CallOf<'set'>, lease: Lease): Awaitable<boolean> {
  if (isTooLate(call)) return false
  const { key, value, lifetime, tags: names } = call
  const { token } = lease
  const { leases, tags } = call.backend
  if (token !== undefined && leases) return kept(lease, leases.set(key, value, lifetime, token, names))
  if (!names || !tags) return perform(call) as Awaitable<boolean>
  return kept(lease, tags.set(key, value, lifetime, names, { proof: token, isTooLate: () => isTooLate(call) }))
}

function getWithToken(call: LoadingRead, among: Leases, leases: StoreLeases): Awaitable<unknown> {
  const { lease } = call
  begin(call, among)
  lease.isAsked = true
  const leased = call.leaseOnly
    ? chain(leases.take(call.key, call.tags), (token) => ({ value: MISS, lease: token }))
    : leases.get(call.key, call.tags)
  return chain(leased, ({ value, lease: token }) => {
    prove(lease, token)
    return value
  })
}

/** On a miss, captures the state of the load's tags before it begins. */
function withProof(found: Awaitable<unknown>, ahead: TagsAhead, tags: Tags, lease: Lease): Awaitable<unknown> {
  lease.isAsked = true
  return chain(found, (value) => {
    if (value !== MISS) {
      lease.isAsked = false
      return value
    }
    return chain(tags.capture?.(ahead), (proof) => {
      prove(lease, proof)
      return MISS
    })
  })
}

/** Notes the token of a load, unless the load has begun without it. */
function prove(lease: Lease, proof: string | undefined): void {
  lease.isAsked = false
  lease.token ??= proof
}

function kept(lease: Lease, written: Awaitable<boolean>): Awaitable<boolean> {
  return chain(written, (written) => {
    lease.isKept = written
    return written
  })
}

/** The spot of a call, unless a middleware has replaced the key. */
function spotOf({ key, spot }: CallOf<'get'>): Spot | undefined {
  return spot !== undefined && spot.key === key ? spot : undefined
}

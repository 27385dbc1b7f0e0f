export type {
  Asker,
  Backend,
  BackendBase,
  BackendHost,
  BitReader,
  Bits,
  Content,
  Expectation,
  KindWrite,
  Leased,
  Leases,
  LockExpectation,
  Locks,
  Milliseconds,
  Miss,
  Moment,
  RemovalReason,
  Sets,
  Snapshot,
  Spot,
  Stamp,
  Tags,
  TagsAhead,
  Usage,
  WindowCount,
  WindowSlice,
  Windows,
  Write,
} from './backend.ts'
export { MISS } from './backend.ts'
export type { Awaitable } from './basics/awaitable.ts'
export { all, chain, isPending, recover } from './basics/awaitable.ts'
export { compileGlob, escapeGlob, fixedHead } from './basics/glob.ts'
export { remembering } from './basics/memo.ts'
export {
  type Complete,
  checkCount,
  checkKnown,
  checkList,
  checkNames,
  checkOneOf,
  checkOptions,
  checkRange,
  checkThat,
  checkType,
  countOption,
  functionOption,
  isOptions,
  kindOfOption,
  type OptionReader,
  rangeOption,
  readOptions,
  strayOf,
  timeOption,
} from './basics/options.ts'
export { outsideRequests } from './basics/outside-requests.ts'
export { isA } from './basics/realm.ts'
export type { CacheOptions, ControlOptions, ScanOptions } from './cache.ts'
export { Cache, createCache, invalidateFurther } from './cache.ts'
export { checkBitFields } from './calls/bit-fields.ts'
export { COMMANDS } from './calls/commands.ts'
export { sumOf } from './calls/counter.ts'
export type { Entries, SetOptions, WriteOptions } from './calls/write-options.ts'
export type { Clock } from './clock.ts'
export { LONGEST_TIMER, systemClock } from './clock.ts'
export type { Answer, Call, CallOf, Command, CommandResults, Request, StreamCommand } from './command.ts'
export { completeBackend, withTags } from './complete-backend.ts'
export { decorating, type NotYetKnown, named, originalOf, type Target } from './decorating.ts'
export { cache } from './default-cache.ts'
export { contentOf, keptAs } from './defaults/kind.ts'
export { deleteScanned, voidAndDelete } from './defaults/scanned.ts'
export { areSame } from './defaults/tags/recent-tags.ts'
export { isRecordKey, recordKeysOf } from './defaults/tags/tag-record.ts'
export type { TagStore } from './defaults/tags/tag-records.ts'
export type { KnownTags, Proof, TagAsker, TaggedLease, TagSteps, TagWrite } from './defaults/tags/tag-steps.ts'
export { stampsBeside, type Tagged, type TagStamp, tagged } from './defaults/tags/tagged-value.ts'
export type { Driver } from './driver.ts'
export type { Engine } from './engine.ts'
export {
  BackendError,
  BackendUnavailableError,
  CacheClosedError,
  CashewsError,
  CommandError,
  ConfigurationError,
  DecodeError,
  type DecodeReason,
  KeyTemplateError,
  LockedError,
  NotConfiguredError,
  NotSupportedError,
  TtlError,
  ValueError,
  WrongTypeError,
  withoutStack,
} from './errors.ts'
export {
  type CompiledKey,
  compileKey,
  compileTemplate,
  type KeyOptions,
  type KeySubject,
  type TemplateNames,
} from './key/compile-key.ts'
export { keyContext, registerKeyContext } from './key/context.ts'
export { type Formatter, formatter } from './key/formatter.ts'
export { newSpot } from './key/recent.ts'
export type { CheckedKey } from './key/types.ts'
export { type Flight, Flights, type LoadCall } from './loads/flight.ts'
export { isOvertaken, isOvertakenUnder, Lease, leasesOf } from './loads/lease.ts'
export { launch, loadSignal } from './loads/loads.ts'
export type { ReadThrough, Seen, Sharing } from './loads/read-through.ts'
export { Refreshes } from './loads/refreshes.ts'
export { awaitRelease, Lock, type LockOptions, wakeWaiters } from './locks/lock.ts'
export { keyOfLock } from './locks/lock-name.ts'
export type { Middleware, Next } from './middleware.ts'
export { addPrefix, keysLower } from './middlewares/keys.ts'
export { type MemoryLimitOptions, memoryLimit } from './middlewares/memory-limit.ts'
export { type CommandTrace, type RunTrace, tracing } from './middlewares/tracing.ts'
export { type Guard, type Guarded, type GuardOptions, guard } from './outages/guard.ts'
export { whenBack } from './outages/when-back.ts'
export type { OptionKind } from './routing/settings-url.ts'
export { optionsFromUrl, overridden, redact } from './routing/settings-url.ts'
export type { SetupOptions, UrlSetupOptions } from './routing/setup.ts'
export { Tenancy } from './routing/tenancy.ts'
export { mayAnswerStale, type Outcome, type Reason } from './scope/outcome.ts'
export {
  currentTransaction,
  type Door,
  inTransaction,
  outsideTransaction,
  type Participation,
  perTransaction,
  rejoin,
  standApart,
} from './scope/participation.ts'
export { isWatched, outsideScope, watchScopes } from './scope/scope.ts'
export { checkMayLoad, currentTerms, NotStoredError, onTerms, type Terms } from './scope/terms.ts'
export type { Tagging } from './tagging.ts'
export { type DurationLike, parsePeriod, parseTtl, type Ttl, type TtlText } from './ttl.ts'
export { copyData, deepCopy, Twins } from './values/copy.ts'
export { sizeOf } from './values/size-of.ts'
export { checkText } from './values/text.ts'
export { kindOf, refuse } from './values/value-kind.ts'
export type { Detected, Detection, Detections } from './watching/detect.ts'
export type {
  CacheEvents,
  CircuitEvent,
  CommandEvent,
  HealthEvent,
  LockEvent,
  Off,
  RefusalEvent,
  RemovalEvent,
  ToldEvents,
  TransactionEvent,
} from './watching/listeners.ts'
export type { RunWatcher, Tally } from './watching/tallies.ts'

export type { Awaitable } from './awaitable.ts'
export { all, chain, isPending, recover } from './awaitable.ts'
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
export { checkBitFields } from './bit-fields.ts'
export type { CacheOptions, ControlOptions, ScanOptions } from './cache.ts'
export { Cache, createCache, invalidateFurther } from './cache.ts'
export type { Clock } from './clock.ts'
export { LONGEST_TIMER, systemClock } from './clock.ts'
export type { Answer, Call, CallOf, Command, CommandResults, Request, StreamCommand } from './command.ts'
export { COMMANDS } from './commands.ts'
export { completeBackend, withTags } from './complete-backend.ts'
export { copyData, deepCopy, Twins } from './copy.ts'
export { sumOf } from './counter.ts'
export { decorating, named, originalOf, type Target } from './decorating.ts'
export { cache } from './default-cache.ts'
export { contentOf, keptAs } from './defaults/kind.ts'
export { deleteScanned, voidAndDelete } from './defaults/scanned.ts'
export { areSame } from './defaults/tags/recent-tags.ts'
export { isRecordKey, recordKeysOf } from './defaults/tags/tag-record.ts'
export type { TagStore } from './defaults/tags/tag-records.ts'
export type { KnownTags, Proof, TagAsker, TaggedLease, TagSteps, TagWrite } from './defaults/tags/tag-steps.ts'
export { stampsBeside, type Tagged, type TagStamp, tagged } from './defaults/tags/tagged-value.ts'
export type { Detected, Detection, Detections } from './detect.ts'
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
export { type Flight, Flights, type LoadCall } from './flight.ts'
export { compileGlob, escapeGlob, fixedHead } from './glob.ts'
export { type Guard, type Guarded, type GuardOptions, guard } from './guard.ts'
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
export { isOvertaken, isOvertakenUnder, Lease, leasesOf } from './lease.ts'
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
} from './listeners.ts'
export { launch, loadSignal } from './loads.ts'
export { awaitRelease, Lock, type LockOptions, wakeWaiters } from './lock.ts'
export { keyOfLock } from './lock-name.ts'
export { remembering } from './memo.ts'
export type { Middleware, Next } from './middleware.ts'
export { addPrefix, keysLower } from './middlewares/keys.ts'
export { type MemoryLimitOptions, memoryLimit } from './middlewares/memory-limit.ts'
export { type CommandTrace, type RunTrace, tracing } from './middlewares/tracing.ts'
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
} from './options.ts'
export { mayAnswerStale, type Outcome, type Reason } from './outcome.ts'
export {
  currentTransaction,
  type Door,
  inTransaction,
  outsideTransaction,
  type Participation,
  perTransaction,
  rejoin,
  standApart,
} from './participation.ts'
export type { ReadThrough, Seen, Sharing } from './read-through.ts'
export { isA } from './realm.ts'
export { Refreshes } from './refreshes.ts'
export { isWatched, outsideScope, watchScopes } from './scope.ts'
export type { OptionKind } from './settings-url.ts'
export { optionsFromUrl, overridden, redact } from './settings-url.ts'
export type { SetupOptions, UrlSetupOptions } from './setup.ts'
export { sizeOf } from './size-of.ts'
export type { Tagging } from './tagging.ts'
export type { RunWatcher, Tally } from './tallies.ts'
export { currentTerms, NotStoredError, onTerms, type Terms } from './terms.ts'
export { checkText } from './text.ts'
export { type DurationLike, parsePeriod, parseTtl, type Ttl, type TtlText } from './ttl.ts'
export { kindOf, refuse } from './value-kind.ts'
export { whenBack } from './when-back.ts'
export type { Entries, SetOptions, WriteOptions } from './write-options.ts'

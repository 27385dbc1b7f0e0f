import type { Backend, RemovalReason } from '../backend.ts'
import { recover } from '../basics/awaitable.ts'
import { getOrMake } from '../basics/get-or-make.ts'
import { checkOneOf, checkThat } from '../basics/options.ts'
import { COMMANDS } from '../calls/commands.ts'
import type { CallOf, Command, CommandResults } from '../command.ts'
import { outsideTransaction } from '../scope/participation.ts'

/** `T` for commands with the field `Name`; possibly `undefined` for others, or if the command is not known. */
type Named<C extends Command, Name extends string, T> = Name extends keyof CallOf<C> ? T : T | undefined

/** A command that was carried out. */
export interface CommandEvent<C extends Command = Command> {
  /** The name of the command. */
  readonly command: C
  /** The store that carried it out. */
  readonly backend: Backend
  /** The key, for commands on one key. */
  readonly key: Named<C, 'key', string>
  /** The keys, for commands on several. */
  readonly keys: Named<C, 'keys', readonly string[]>
  /** The pattern, for commands on those that match. */
  readonly pattern: Named<C, 'pattern', string>
  /** What the command answered; `undefined` for a key that is not there. */
  readonly result: CommandResults[C] | undefined
  /** For `get`: whether the key was there. */
  readonly hit: C extends 'get' ? boolean : undefined
}

/** A key that a store dropped by itself. */
export interface RemovalEvent {
  /** The key, as the store knows it. */
  readonly key: string
  /** `'expired'`, or `'evicted'`: there was no room. */
  readonly reason: RemovalReason
  /** The store that dropped it. */
  readonly backend: Backend
}

/** A store that stopped answering, or answers again. */
export interface HealthEvent {
  /** The store. */
  readonly backend: Backend
  /** Why it was given up. */
  readonly error?: unknown
}

/** An attempt to take a lock that ended. */
export interface LockEvent {
  /** The name of the lock. */
  readonly key: string
  /** Whether it was taken; `false`: the caller gave up. */
  readonly taken: boolean
  /** How long the caller waited, in seconds. */
  readonly waited: number
}

/** A call that a strategy refused without running the function. */
export interface RefusalEvent {
  /** `rateLimit`, `slidingRateLimit` or `circuitBreaker`. */
  readonly strategy: string
  /** The key template of the function. */
  readonly template: string
  /** The key of the call. */
  readonly key: string
}

/** A change of a circuit breaker that this process has seen. */
export interface CircuitEvent {
  /** `circuitBreaker`. */
  readonly strategy: string
  /** The key template of the function. */
  readonly template: string
  /** The key of the breaker. */
  readonly key: string
  /** The new state; `half-open` lets a probe through. */
  readonly state: 'closed' | 'open' | 'half-open'
}

/** A transaction that ended. */
export interface TransactionEvent {
  /** `fast`, `locked` or `serializable`. */
  readonly mode: string
  /**
   * `committed`; `rolled back`: its function threw, or called `rollback()`; `conflict`: it conflicted with others and will run
   * again; `failed`: it could not be committed.
   */
  readonly outcome: string
}

/** The events besides commands, emitted by stores, strategies and other packages. */
export interface ToldEvents {
  /** A key was dropped by its store: expired or evicted. */
  removed: RemovalEvent
  /** A store failed twice in a row, and is skipped until it answers again. */
  unavailable: HealthEvent
  /** A store answers again. */
  available: HealthEvent
  /** A lock was taken, or the caller gave up. */
  lock: LockEvent
  /** A rate limit or a circuit breaker refused a call. */
  refused: RefusalEvent
  /** A circuit breaker changed. */
  circuit: CircuitEvent
  /** A transaction ended. */
  transaction: TransactionEvent
}

/** All events, with what their listeners get. */
export type CacheEvents = { [C in Command]: CommandEvent<C> } & ToldEvents

const TOLD = ['removed', 'unavailable', 'available', 'lock', 'refused', 'circuit', 'transaction'] as const

/** Stops listening. Works with `using`. */
export type Off = (() => void) & Disposable

/** Lets `using` call `off` at the end of its block. */
export function disposable(off: () => void): Off {
  return Object.assign(off, { [Symbol.dispose]: off })
}

type Listener = (event: never) => unknown

/** The listeners of one cache. */
export class Listeners {
  readonly #byEvent = new Map<string, Set<Listener>>()
  readonly #onError: (error: unknown) => void
  readonly #onChange: () => void

  constructor(onError: (error: unknown) => void, onChange: () => void) {
    this.#onError = onError
    this.#onChange = onChange
  }

  /** Whether any command has listeners. */
  get hearCommands(): boolean {
    return COMMANDS.some((command) => this.#byEvent.has(command))
  }

  has(event: keyof CacheEvents): boolean {
    return this.#byEvent.size > 0 && this.#byEvent.has(event)
  }

  /** @throws {ConfigurationError} When there is no such event. */
  add(event: string, listener: Listener): Off {
    checkOneOf('event', event, [...COMMANDS, ...TOLD])
    checkThat(typeof listener === 'function', 'A listener must be a function', listener)
    const own: Listener = (told) => listener(told)
    const listeners = getOrMake(this.#byEvent, event, () => new Set())
    listeners.add(own)
    this.#onChange()
    return disposable(() => {
      if (!listeners.delete(own)) return
      if (listeners.size === 0) this.#byEvent.delete(event)
      this.#onChange()
    })
  }

  /** Calls the listeners. One that throws is reported, and does not affect the others. */
  emit<E extends keyof CacheEvents>(event: E, told: CacheEvents[E], also?: (told: CacheEvents[E]) => unknown): void {
    const tell = (listener: Listener) => {
      recover(() => outsideTransaction(() => listener(told as never)), this.#onError)
    }
    this.#byEvent.get(event)?.forEach(tell)
    if (also) tell(also)
  }
}

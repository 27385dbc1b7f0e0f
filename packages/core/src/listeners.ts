import type { Backend, RemovalReason } from './backend.ts'
import { COMMANDS, type Command, type CommandResults } from './command.ts'
import { ConfigurationError } from './errors.ts'

/** A command that was carried out. */
export interface CommandEvent<C extends Command = Command> {
  readonly command: C
  readonly backend: Backend
  /** The key, for commands on one key. */
  readonly key?: string
  /** The keys, for commands on several. */
  readonly keys?: readonly string[]
  /** The pattern, for commands on those that match. */
  readonly pattern?: string
  /** What the command answered; `undefined` for a key that is not there. */
  readonly result: CommandResults[C] | undefined
  /** For `get`: whether the key was there. */
  readonly hit?: boolean
}

/** A key that a store dropped by itself. */
export interface RemovalEvent {
  readonly key: string
  readonly reason: RemovalReason
  readonly backend: Backend
}

/** A store that stopped answering, or answers again. */
export interface HealthEvent {
  readonly backend: Backend
  /** Why it was given up. */
  readonly error?: unknown
}

/** What can be listened to, and what a listener is told. */
export type CacheEvents = { [C in Command]: CommandEvent<C> } & {
  removed: RemovalEvent
  unavailable: HealthEvent
  available: HealthEvent
}

/** Stops listening. Works with `using`. */
export type Off = (() => void) & Disposable

type Listener = (event: never) => unknown

/** Who listens to what. */
export class Listeners {
  readonly #byEvent = new Map<string, Set<Listener>>()
  readonly #onError: (error: unknown) => void
  readonly #onChange: () => void

  constructor(onError: (error: unknown) => void, onChange: () => void) {
    this.#onError = onError
    this.#onChange = onChange
  }

  get isEmpty(): boolean {
    return this.#byEvent.size === 0
  }

  has(event: keyof CacheEvents): boolean {
    return this.#byEvent.has(event)
  }

  /** @throws {ConfigurationError} When there is no such event. */
  add(event: string, listener: Listener): Off {
    const events: readonly string[] = [...COMMANDS, 'removed', 'unavailable', 'available']
    if (!events.includes(event))
      throw new ConfigurationError(`There is no event "${event}". The events are ${events.join(', ')}.`)
    const own: Listener = (told) => listener(told)
    const listeners = this.#byEvent.get(event) ?? new Set()
    this.#byEvent.set(event, listeners.add(own))
    this.#onChange()
    const off = () => {
      if (listeners.delete(own) && listeners.size === 0) this.#byEvent.delete(event)
      this.#onChange()
    }
    return Object.assign(off, { [Symbol.dispose]: off })
  }

  /** A listener that fails is reported, and disturbs nobody. */
  emit<E extends keyof CacheEvents>(event: E, told: CacheEvents[E]): void {
    for (const listener of this.#byEvent.get(event) ?? []) {
      try {
        const answer = listener(told as never)
        if (answer instanceof Promise) answer.catch(this.#onError)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}

import { BackendError, BackendUnavailableError, type Milliseconds, outsideRequests } from '@cashews/core'

/** How often a server that is unreachable is asked for a sign of life. */
const LOOK_AGAIN: Milliseconds = 250

/** How often the servers with unanswered commands are checked. */
const BEAT: Milliseconds = 50

interface Health {
  underWay: number
  /** For how many beats it has left commands unanswered. */
  silentFor: number
  isAway: boolean
}

/**
 * Keeps one sick server of a cluster from slowing down the others: commands on its keys are rejected at once, until it
 * answers again or another server owns its slots.
 *
 * Silence is counted in beats of this process, not by the clock: a busy process cannot tell whether a server is silent.
 */
export class NodeHealth {
  /** How long a server may leave commands unanswered before it counts as unreachable. */
  patience: Milliseconds = Number.POSITIVE_INFINITY
  readonly #nodes = new Map<string, Health>()
  readonly #isBack: (node: string) => Promise<boolean>
  readonly #all: () => readonly string[]
  readonly #back: () => void
  #looking: NodeJS.Timeout | undefined
  #listening: NodeJS.Timeout | undefined

  /**
   * @param isBack Asks a server for a sign of life, by its address; true also when it is not part of the cluster any more.
   * @param all The addresses of all servers.
   * @param back Called when a server is about to be used again after it was unreachable.
   */
  constructor(isBack: (node: string) => Promise<boolean>, all: () => readonly string[], back: () => void) {
    this.#isBack = isBack
    this.#all = all
    this.#back = back
  }

  /** Sends something to a server, unless it is unreachable. */
  async send<T>(node: string, send: () => Promise<T>): Promise<T> {
    const health = this.#healthOf(node)
    if (health.isAway || this.#isSilent(health)) {
      this.#lookAfter(health)
      if (this.allAway) throw new BackendUnavailableError('No node of the Redis Cluster answers.', { isUndone: true })
      throw new BackendError(`Redis node ${node} does not answer; the rest of the cluster is used without it.`)
    }
    health.underWay++
    this.#listen()
    try {
      const answer = await send()
      health.silentFor = 0
      return answer
    } finally {
      if (--health.underWay === 0) health.silentFor = 0
    }
  }

  /** A connection to a server broke. */
  lost(node: string): void {
    this.#lookAfter(this.#healthOf(node))
  }

  /** A server gave a sign of life. */
  found(node: string): void {
    const health = this.#healthOf(node)
    const { isAway } = health
    Object.assign(health, { isAway: false, silentFor: 0 })
    if (isAway) this.#back()
  }

  /** Whether all servers are unreachable. */
  get allAway(): boolean {
    const all = this.#all()
    return all.length > 0 && all.every((node) => this.#isOut(this.#nodes.get(node)))
  }

  stop(): void {
    clearTimeout(this.#looking)
    clearTimeout(this.#listening)
    this.#looking = undefined
    this.#listening = undefined
    this.#nodes.clear()
  }

  #healthOf(node: string): Health {
    let health = this.#nodes.get(node)
    if (health === undefined) {
      health = { underWay: 0, silentFor: 0, isAway: false }
      this.#nodes.set(node, health)
    }
    return health
  }

  #isOut(health: Health | undefined): boolean {
    return health !== undefined && (health.isAway || this.#isSilent(health))
  }

  #isSilent({ silentFor }: Health): boolean {
    return silentFor * BEAT > this.patience
  }

  /** Reads what has arrived before it counts a beat: timers run before sockets are read. */
  #listen(): void {
    this.#listening ??= outsideRequests(() => setTimeout(() => setImmediate(this.#beat), BEAT).unref())
  }

  readonly #beat = (): void => {
    if (this.#listening === undefined) return
    this.#listening = undefined
    for (const health of this.#nodes.values()) {
      if (health.underWay === 0) continue
      health.silentFor++
      this.#listen()
    }
  }

  #lookAfter(health: Health): void {
    health.isAway = true
    this.#looking ??= outsideRequests(() => setTimeout(() => void this.#look(), LOOK_AGAIN).unref())
  }

  async #look(): Promise<void> {
    const away = [...this.#nodes].filter(([, { isAway }]) => isAway)
    await Promise.all(away.map(async ([node]) => (await this.#isBack(node)) && this.found(node)))
    if (this.#looking === undefined) return
    this.#looking = undefined
    for (const health of this.#nodes.values()) if (health.isAway) this.#lookAfter(health)
  }
}

import { BackendError, BackendUnavailableError, type Milliseconds } from '@cashews/core'

/** How often to look after a server that is away. */
const LOOK_AGAIN: Milliseconds = 250

/** How often servers are listened for that owe an answer. */
const BEAT: Milliseconds = 50

interface Health {
  underWay: number
  /** For how many beats it has owed an answer, and given none. */
  silentFor: number
  isAway: boolean
}

/**
 * Keeps one sick server of a cluster from slowing down the others: whoever asks for its keys is refused at once, until
 * it answers again or its slots have another owner.
 *
 * Silence is counted in beats of this process, not by the clock: a process that was busy itself has not listened.
 */
export class NodeHealth {
  /** How long a server may owe an answer before it counts as away. */
  patience: Milliseconds = Number.POSITIVE_INFINITY
  readonly #nodes = new Map<string, Health>()
  readonly #isBack: (node: string) => Promise<boolean>
  readonly #all: () => readonly string[]
  readonly #back: () => void
  #looking: NodeJS.Timeout | undefined
  #listening: NodeJS.Timeout | undefined

  /**
   * @param isBack Asks a server for a sign of life, by its address; true also when it is not part of the cluster any more.
   * @param all The addresses of the servers there are.
   * @param back Called when a server that was away is asked again, before anybody asks it.
   */
  constructor(isBack: (node: string) => Promise<boolean>, all: () => readonly string[], back: () => void) {
    this.#isBack = isBack
    this.#all = all
    this.#back = back
  }

  /** Sends something to a server, unless it is away. */
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

  /** Whether every server there is is away. */
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

  /** What has arrived is taken before a beat counts: timers have their turn before sockets. */
  #listen(): void {
    this.#listening ??= setTimeout(() => setImmediate(this.#beat), BEAT).unref()
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
    this.#looking ??= setTimeout(() => void this.#look(), LOOK_AGAIN).unref()
  }

  async #look(): Promise<void> {
    const away = [...this.#nodes].filter(([, { isAway }]) => isAway)
    await Promise.all(away.map(async ([node]) => (await this.#isBack(node)) && this.found(node)))
    if (this.#looking === undefined) return
    this.#looking = undefined
    for (const health of this.#nodes.values()) if (health.isAway) this.#lookAfter(health)
  }
}

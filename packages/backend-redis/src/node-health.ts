import { BackendError, type Milliseconds } from '@cashews/core'
import { SILENCE } from './patience.ts'

/** How often to look after a server that is away. */
const LOOK_AGAIN: Milliseconds = 250

interface Health {
  underWay: number
  /** When the server last answered, or was first asked after it had answered everything. */
  heardAt: number
  isAway: boolean
}

/**
 * Keeps one sick server of a cluster from slowing down the others: whoever asks for its keys is refused at once, until
 * it answers again or its slots have another owner.
 */
export class NodeHealth {
  readonly #nodes = new Map<string, Health>()
  readonly #isBack: (node: string) => Promise<boolean>
  #timer: NodeJS.Timeout | undefined

  /** @param isBack Asks a server for a sign of life, by its address; true also when it is no part of the cluster any more. */
  constructor(isBack: (node: string) => Promise<boolean>) {
    this.#isBack = isBack
  }

  /** Sends something to a server, unless it is away. */
  async send<T>(node: string, send: () => Promise<T>): Promise<T> {
    const health = this.#healthOf(node)
    if (health.isAway || this.#isSilent(health)) {
      this.#lookAfter(health)
      throw new BackendError(`Redis node ${node} does not answer; the rest of the cluster is used without it.`)
    }
    if (health.underWay++ === 0) health.heardAt = performance.now()
    try {
      const answer = await send()
      health.heardAt = performance.now()
      return answer
    } finally {
      health.underWay--
    }
  }

  /** A connection to a server broke. */
  lost(node: string): void {
    this.#lookAfter(this.#healthOf(node))
  }

  /** Whether every server that was ever asked is away. */
  get allAway(): boolean {
    return this.#nodes.size > 0 && [...this.#nodes.values()].every(({ isAway }) => isAway)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#nodes.clear()
  }

  #healthOf(node: string): Health {
    let health = this.#nodes.get(node)
    if (health === undefined) {
      health = { underWay: 0, heardAt: 0, isAway: false }
      this.#nodes.set(node, health)
    }
    return health
  }

  #isSilent({ underWay, heardAt }: Health): boolean {
    return underWay > 0 && performance.now() - heardAt > SILENCE
  }

  #lookAfter(health: Health): void {
    health.isAway = true
    this.#timer ??= setTimeout(() => void this.#look(), LOOK_AGAIN).unref()
  }

  async #look(): Promise<void> {
    const away = [...this.#nodes].filter(([, { isAway }]) => isAway)
    await Promise.all(
      away.map(async ([node, health]) => {
        if (await this.#isBack(node)) Object.assign(health, { isAway: false, heardAt: performance.now() })
      }),
    )
    if (this.#timer === undefined) return
    this.#timer = undefined
    for (const health of this.#nodes.values()) if (health.isAway) this.#lookAfter(health)
  }
}

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Which way bytes flow: up to the server, or down to the client. */
type Direction = 'up' | 'down'

/** What a connection carries: commands, or the invalidations of a client-side cache (`news`). */
type Kind = 'commands' | 'news'

/** The faults of one kind of connection. */
interface Weather {
  readonly delays: Record<Direction, number>
  readonly swallows: Record<Direction, boolean>
  /** How to pass on what servers have sent since. */
  held?: (() => void)[]
}

const calm = (): Weather => ({ delays: { up: 0, down: 0 }, swallows: { up: false, down: false } })
const KINDS: readonly Kind[] = ['commands', 'news']

/** A proxy between a client and a server that simulates the faults of networks. */
export class FaultyLink implements AsyncDisposable {
  readonly #server: Server
  readonly #target: number
  readonly #sockets = new Map<Socket, { kind: Kind }>()
  #weather: Record<Kind, Weather> = { commands: calm(), news: calm() }
  #refuses = false
  /** The number of connections so far. */
  joined = 0

  constructor(server: Server, target: number) {
    this.#server = server
    this.#target = target
    server.on('connection', (client) => this.#join(client))
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  /** Delays all bytes, in milliseconds. */
  delay(delays: Partial<Record<Direction, number>>, kinds: readonly Kind[] = KINDS): void {
    for (const kind of kinds) Object.assign(this.#weather[kind].delays, delays)
  }

  /** Keeps what servers send, until {@link heal}. */
  hold(kinds: readonly Kind[] = KINDS): void {
    for (const kind of kinds) this.#weather[kind].held = []
  }

  /** Drops all bytes, while connections stay open. */
  blackhole(kinds: readonly Kind[] = KINDS): void {
    for (const kind of kinds) Object.assign(this.#weather[kind].swallows, { up: true, down: true })
  }

  /** Closes every new connection at once. */
  refuse(): void {
    this.#refuses = true
  }

  heal(): void {
    this.#refuses = false
    const held = KINDS.flatMap((kind) => this.#weather[kind].held ?? [])
    this.#weather = { commands: calm(), news: calm() }
    for (const pass of held) pass()
  }

  /** Resets connections. */
  reset(kinds: readonly Kind[] = KINDS): void {
    for (const [socket, { kind }] of this.#sockets) if (kinds.includes(kind)) socket.resetAndDestroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.keys()) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(client: Socket): void {
    this.joined++
    if (this.#refuses) {
      client.resetAndDestroy()
      return
    }
    const upstream = connect(this.#target, '127.0.0.1')
    const connection = { kind: 'commands' as Kind }
    this.#pass(client, upstream, 'up', connection)
    this.#pass(upstream, client, 'down', connection)
  }

  #pass(from: Socket, to: Socket, direction: Direction, connection: { kind: Kind }): void {
    this.#sockets.set(from, connection)
    from.setNoDelay(true)
    from.on('data', (data) => {
      // A connection for invalidations has a name of its own.
      if (direction === 'up' && data.includes('cashews:invalidations')) connection.kind = 'news'
      const { delays, swallows, held } = this.#weather[connection.kind]
      const pass = () => to.writable && to.write(data)
      if (swallows[direction]) return
      if (direction === 'down' && held) held.push(pass)
      else if (delays[direction] === 0) to.write(data)
      else setTimeout(pass, delays[direction])
    })
    from.on('error', () => to.destroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
  }
}

/** Starts a proxy to a port of this machine. */
export async function startProxy(target: number): Promise<FaultyLink> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return new FaultyLink(server, target)
}

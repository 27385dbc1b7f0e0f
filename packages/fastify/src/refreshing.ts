import { randomUUID } from 'node:crypto'
import type { HttpRequest } from '@cashews/http'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** The field that carries the unguessable id of a refresh. */
const REFRESH = 'x-cashews-refresh'

/** Requests that an application makes to itself, without a client, to refresh stored responses. */
export class Refreshing {
  readonly #app: FastifyInstance
  readonly #underWay = new Map<string, Omit<HttpRequest, 'raw'>>()

  constructor(app: FastifyInstance) {
    this.#app = app
  }

  /** Whether a request claims to be a refresh, as any client can. */
  isClaimedBy({ headers }: FastifyRequest): boolean {
    return headers[REFRESH] !== undefined
  }

  /** The request that this one repeats; `undefined` when it comes from a client. */
  originalOf(request: FastifyRequest): HttpRequest<FastifyRequest> | undefined {
    const name = request.headers[REFRESH]
    const original = typeof name === 'string' ? this.#underWay.get(name) : undefined
    return original && { ...original, raw: request }
  }

  /** Repeats a request on the application. */
  async again(request: HttpRequest, remoteAddress = '127.0.0.1'): Promise<void> {
    const name = randomUUID()
    const { url, scheme, authority, client, route } = request
    const { 'if-none-match': _, 'if-modified-since': __, range: ___, ...fields } = request.fields
    this.#underWay.set(name, { method: 'GET', url, scheme, authority, client, fields, route })
    try {
      const headers = { ...fields, [REFRESH]: name } as Record<string, string>
      await this.#app.inject({ method: 'GET', url, headers, remoteAddress })
    } finally {
      this.#underWay.delete(name)
    }
  }
}

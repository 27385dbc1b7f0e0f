import { bringsContent, type HttpRequest } from '@cashews/http'
import type { FastifyRequest } from 'fastify'

/** A request of Fastify, which has applied `trustProxy`, as the rules see it. Most properties are seldom needed. */
export class FastifyHttpRequest implements HttpRequest<FastifyRequest> {
  /** As the client sent them: the rules may add conditions later, which are meant for the handler. */
  readonly fields: HttpRequest['fields']
  readonly raw: FastifyRequest

  constructor(request: FastifyRequest) {
    this.fields = request.headers
    this.raw = request
  }

  get method(): string {
    return this.raw.method
  }

  get url(): string {
    return this.raw.originalUrl
  }

  get scheme(): string {
    return this.raw.protocol
  }

  get authority(): string {
    return this.raw.host
  }

  get client(): string {
    return this.raw.ip
  }

  get route(): string | undefined {
    return this.raw.routeOptions.url
  }

  get hasContent(): boolean {
    return bringsContent(this.raw.raw)
  }
}

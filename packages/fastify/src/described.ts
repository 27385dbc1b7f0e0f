import type { HttpRequest } from '@cashews/http'
import type { FastifyRequest } from 'fastify'

/** Describes a request of Fastify, which knows what `trustProxy` says. Finds out what is asked for, and no more. */
export class Described implements HttpRequest<FastifyRequest> {
  /** As they came: what the rules add later is for the handler. */
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
}

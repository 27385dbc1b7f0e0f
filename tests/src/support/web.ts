import { createServer, type IncomingHttpHeaders, type IncomingMessage, request as nodeRequest } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { Readable } from 'node:stream'
import type { Cache } from '@cashews/core'
import * as ours from '@cashews/express'
import { cashews } from '@cashews/fastify'
import type { CacheControlOptions, CacheResponseOptions, ClearSiteDataOptions } from '@cashews/http'
import { cachingListener } from '@cashews/http'
import express, { type Request, type Response } from 'express'
import Fastify from 'fastify'

/** The response of a handler. */
interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string | string[]>
  /** A field that was set before, and is not sent. */
  readonly without?: string
  readonly body?: string | Buffer | Readable
}

/** One route of a test's application, the same on every framework. */
export interface TestRoute {
  readonly method?: string
  readonly path: string
  /** Options for storing the responses; absent: they are not stored. */
  readonly cached?: CacheResponseOptions
  answer(request: IncomingMessage): Answer | Promise<Answer>
}

/** The application of a test. */
export interface TestApp {
  readonly cache: Cache
  readonly routes: readonly TestRoute[]
  readonly etag?: boolean
  readonly cacheControl?: boolean | CacheControlOptions
  readonly clearSiteData?: ClearSiteDataOptions
  /** Which proxies are trusted with the client, host and scheme: all of them, or one address. */
  readonly trustProxy?: boolean | string
  /** Whether responses are compressed. */
  readonly compress?: boolean
  /** Runs before the routes, as authentication and session middlewares do. */
  before?(request: IncomingMessage, set: (name: string, value: string) => void): void
}

/** A server that listens. */
export interface Running {
  readonly url: string
  close(): Promise<unknown>
}

/** A framework that a test runs on. */
export interface Framework {
  readonly name: string
  serve(app: TestApp): Promise<Running>
}

const fastify: Framework = {
  name: 'Fastify',
  async serve({ cache, routes, compress, before, trustProxy = false, ...options }) {
    const app = Fastify({ trustProxy, forceCloseConnections: true })
    await app.register(cashews, { cache, ...options })
    if (compress) await app.register((await import('@fastify/compress')).default, { threshold: 0 })
    if (before)
      app.addHook('onRequest', (request, reply, done) => {
        before(request.raw, (name, value) => reply.header(name, value))
        done()
      })
    for (const { method = 'GET', path, cached, answer } of routes)
      app.route({
        method,
        url: path,
        ...(cached && { config: { cashews: cached } }),
        handler: async (request, reply) => {
          const { status = 200, headers = {}, without, body } = await answer(request.raw)
          reply.code(status).headers(headers)
          if (without) reply.removeHeader(without)
          return reply.send(body)
        },
      })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { url: urlOf(app.server), close: () => app.close() }
  },
}

const onExpress: Framework = {
  name: 'Express',
  async serve({ cache, routes, compress, before, trustProxy, etag, cacheControl, clearSiteData }) {
    const app = express()
    if (trustProxy) app.set('trust proxy', trustProxy)
    if (compress) app.use((await import('compression')).default({ threshold: 0 }))
    if (etag) app.use(ours.etag(cache))
    if (cacheControl) app.use(ours.cacheControl(cache, cacheControl === true ? {} : cacheControl))
    if (clearSiteData) app.use(ours.clearSiteData(cache, clearSiteData))
    app.use(ours.invalidateResponses(cache))
    if (before)
      app.use((request, response, next) => {
        before(request, (name, value) => response.setHeader(name, value))
        next()
      })
    for (const { method = 'GET', path, cached, answer } of routes) {
      const handler = async (request: Request, response: Response) => {
        const { status = 200, headers = {}, without, body = '' } = await answer(request)
        response.status(status)
        for (const [name, value] of Object.entries(headers))
          if (name === 'set-cookie') response.append(name, value)
          else response.setHeader(name, value)
        if (without) response.removeHeader(without)
        if (body instanceof Readable) body.on('error', (error) => response.destroy(error)).pipe(response)
        else response.send(body)
      }
      const verb = method.toLowerCase() as 'get'
      if (cached) app[verb](path.replace('*', '*rest'), ours.cacheResponse(cache, cached), handler)
      else app[verb](path.replace('*', '*rest'), handler)
    }
    app.use(((_error, _request, response, _next) => {
      if (response.headersSent) response.destroy()
      else response.status(500).send('failed')
    }) as express.ErrorRequestHandler)
    return listen(createServer(app))
  },
}

/** The frameworks that have an adapter. */
export const frameworks: readonly Framework[] = [fastify, onExpress]

/** A server without any framework. */
export async function serveBare(
  cache: Cache,
  options: Parameters<typeof cachingListener>[1],
  handler: Parameters<typeof cachingListener>[2],
): Promise<Running> {
  return listen(createServer(cachingListener(cache, options, handler)))
}

/** Starts a server on a free port. */
async function listen(server: Server & { closeAllConnections(): void }): Promise<Running> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  return { url: urlOf(server), close }
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The response as a client receives it. */
export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
  /** Whether the connection ended before the content did. */
  readonly isCutOff: boolean
}

/** Sends a request on a new connection, without a client cache or decoding. */
export function ask(
  url: string,
  { method = 'GET', headers = {} }: { readonly method?: string; readonly headers?: Record<string, string> } = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = nodeRequest(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      const end = (isCutOff: boolean) => {
        const body = Buffer.concat(chunks)
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, text: body.toString(), isCutOff })
      }
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => end(!response.complete))
      response.on('error', () => end(true))
    })
    request.on('error', reject)
    request.end()
  })
}

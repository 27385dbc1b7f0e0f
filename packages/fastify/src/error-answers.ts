import { type ProblemOptions, problemOf } from '@cashews/http'
import type { FastifyInstance } from 'fastify'

/** Answers errors of the framework as problems (RFC 9457), and leaves all others to whoever answered them before. */
export function answerErrors(app: FastifyInstance, options: ProblemOptions): void {
  const others = app.errorHandler
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, options)
    if (!problem) return others.call(app, error as never, request, reply)
    return reply.code(problem.status).headers(problem.fields).send(JSON.stringify(problem.body))
  })
}

import { checkProblemOptions, type ProblemOptions, problemOf } from '@cashews/http'
import type { FastifyInstance } from 'fastify'

/** Answers errors of the framework as problems (RFC 9457), and leaves all others to whoever answered them before. */
export function answerErrors(app: FastifyInstance, options: ProblemOptions): void {
  checkProblemOptions('errors', options)
  const others = app.errorHandler
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, options)
    if (problem) return reply.code(problem.status).headers(problem.fields).send(JSON.stringify(problem.body))
    // What is thrown goes to the handler before. To call it would log the error, and send it to be logged again.
    if (error instanceof Error) throw error
    return others.call(app, error as never, request, reply)
  })
}

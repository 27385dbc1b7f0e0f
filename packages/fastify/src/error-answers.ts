import { checkProblemOptions, type ProblemOptions, problemOf } from '@cashews/http'
import type { FastifyInstance } from 'fastify'

/** Answers errors of this framework as problems (RFC 9457), and leaves others to the previous error handler. */
export function answerErrors(app: FastifyInstance, options: ProblemOptions): void {
  checkProblemOptions('errors', options)
  const others = app.errorHandler
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, options)
    if (problem) return reply.code(problem.status).headers(problem.fields).send(JSON.stringify(problem.body))
    // Throwing passes an error to the previous handler. Calling that would log the error twice.
    if (error instanceof Error) throw error
    return others.call(app, error as never, request, reply)
  })
}

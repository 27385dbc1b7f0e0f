import type { Backend, Milliseconds } from '@cashews/core'

/** Members whose results may take arbitrarily long, and are not waited for. */
const PATIENT: ReadonlySet<string | symbol> = new Set(['guard', 'scan', 'visit', 'released'])

/** A store on the fake clock of the test. */
export interface CatchingUp {
  readonly backend: Backend
  /** The commands that are not answered yet. */
  readonly underWay: ReadonlySet<Promise<unknown>>
  /** Waits for one more answer of the server. Resolves to whether it is connected. */
  answers(): Promise<boolean>
}

/** Lets the time that has passed on the fake clock pass for the store too, before each command. */
export function catchingUp(backend: Backend, age: (duration: Milliseconds) => Promise<unknown>): CatchingUp {
  const underWay = new Set<Promise<unknown>>()
  const watched = (answer: unknown): unknown => {
    if (answer instanceof Promise) {
      const over = () => underWay.delete(answer)
      underWay.add(answer)
      answer.then(over, over)
    }
    return answer
  }
  let seen = Date.now()
  let ageing: Promise<unknown> | undefined
  const caughtUp = (): Promise<unknown> | undefined => {
    const passed = Date.now() - seen
    seen += passed
    // The clock may go back when fake timers start.
    if (passed <= 0) return ageing
    const aged = Promise.all([ageing, age(passed)]).finally(() => {
      if (ageing === aged) ageing = undefined
    })
    ageing = aged
    return aged
  }
  const patient = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member === 'object' && member !== null) return patient(member)
        if (typeof member !== 'function' || PATIENT.has(name)) return member
        const run = (args: unknown[]) => watched(member.apply(target, args))
        return (...args: unknown[]) => {
          const aged = caughtUp()
          return aged ? watched(aged.then(() => run(args))) : run(args)
        }
      },
    })
  const answers = async () => {
    try {
      return (await backend.ping('')) === ''
    } catch {
      return false
    }
  }
  return { backend: patient(backend), underWay, answers }
}

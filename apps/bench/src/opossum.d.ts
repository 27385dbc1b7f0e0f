declare module 'opossum' {
  /** What the bench uses of it; the package has no types of its own. */
  export default class CircuitBreaker<A extends unknown[], R> {
    constructor(action: (...args: A) => Promise<R>, options: { readonly timeout: false })
    fire(...args: A): Promise<R>
  }
}

declare module 'http-cache-tests/client/runner.mjs' {
  export function runTests(suites: unknown, fetch: unknown, isBrowser: boolean, base: string): Promise<void>
  export function getResults(): Record<string, true | readonly [kind: string, message: string]>
}
declare module 'http-cache-tests/tests/index.mjs' {
  interface CacheTest {
    readonly id: string
    readonly name: string
    readonly kind?: 'required' | 'optimal' | 'check'
    readonly depends_on?: readonly string[]
    readonly browser_only?: boolean
  }
  const suites: readonly { readonly name: string; readonly id: string; readonly tests: readonly CacheTest[] }[]
  export default suites
}
declare module 'node-fetch' {
  const fetch: unknown
  export default fetch
}

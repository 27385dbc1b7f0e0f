declare module 'parse-prometheus-text-format' {
  /** What the tests use of it; the package has no types of its own. */
  export default function parse(text: string): readonly {
    readonly name: string
    readonly metrics: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: string }[]
  }[]
}

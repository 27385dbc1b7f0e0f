/**
 * A key template, checked by the compiler as far as types can know: names against the option `args`, positions and
 * paths against the parameters. A wrong template becomes a sentence that says what is wrong, which no text equals.
 *
 * - `K` is the template. A plain `string` passes: it is checked when the strategy is defined.
 * - `N` are the names in `args`; `undefined` or plain `string[]` when they are not known.
 * - `A` are the parameters of the function.
 */
export type CheckedKey<K extends string, N extends readonly string[] | undefined, A extends readonly unknown[]> =
  TemplateProblem<K, N, A, K> extends infer Problem extends string ? Problem : K

/** Checks one placeholder after the other; `undefined` when nothing is wrong. */
type TemplateProblem<
  Rest extends string,
  N extends readonly string[] | undefined,
  A extends readonly unknown[],
  K extends string,
> = string extends Rest
  ? undefined
  : Rest extends `${string}{${infer After}`
    ? After extends `{${infer Next}`
      ? TemplateProblem<Next, N, A, K>
      : After extends `${infer Inner}}${infer Next}`
        ? PlaceholderProblem<BeforeFormatters<Inner>, N, A, K> extends infer Problem extends string
          ? Problem
          : TemplateProblem<Next, N, A, K>
        : undefined
    : undefined

/** `Text` is `root.path[item]`, without formatters. */
type PlaceholderProblem<
  Text extends string,
  N extends readonly string[] | undefined,
  A extends readonly unknown[],
  K extends string,
> =
  Head<Text> extends infer Root extends string
    ? Root extends `@${string}` | 'this'
      ? undefined
      : Root extends `${number}`
        ? Root extends keyof A
          ? PathProblem<A[Root], Tail<Text, Root>, Text, K>
          : number extends A['length']
            ? undefined
            : `No parameter at position ${Root} in the key template "${K}": the function takes ${A['length'] & number}.`
        : N extends readonly string[]
          ? number extends N['length']
            ? undefined
            : Root extends N[number]
              ? HasArgument<PositionOf<Root, N>, A> extends true
                ? PathProblem<Named<Root, N, A>, Tail<Text, Root>, Text, K>
                : `No parameter for "${Root}" in the key template "${K}": args has more names than the function has parameters.`
              : `No parameter "${Root}" in the key template "${K}": its names are ${Join<N>}.`
          : undefined
    : undefined

/** Follows a path into a type, until the type or the path ends or is not known. */
type PathProblem<T, Path extends string, Text extends string, K extends string> = unknown extends T
  ? undefined
  : Path extends `?${infer Next}`
    ? PathProblem<T, Next, Text, K>
    : Path extends `.${infer Next}`
      ? PropertyProblem<NonNullable<T>, Head<Next>, Tail<Next, Head<Next>>, Text, K>
      : Path extends `[${infer Item}]${infer Next}`
        ? [NonNullable<T>] extends [ReadonlyMap<never, unknown>]
          ? undefined
          : PropertyProblem<NonNullable<T>, Unquoted<Item>, Next, Text, K>
        : undefined

type PropertyProblem<T, Name extends string, Next extends string, Text extends string, K extends string> = [T] extends [
  never,
]
  ? undefined
  : Name extends PropertyNames<T>
    ? PathProblem<Property<T, Name>, Next, Text, K>
    : `No property "${Name}" at "${Text}" in the key template "${K}".`

/** The names of properties, those of each member of a union. */
type PropertyNames<T> = T extends unknown ? `${keyof T & (string | number)}` : never

/** The type of a property, `unknown` for what cannot be told. */
type Property<T, Name extends string> = T extends unknown
  ? Name extends keyof T
    ? T[Name]
    : Name extends `${infer Index extends number}`
      ? Index extends keyof T
        ? T[Index]
        : unknown
      : unknown
  : never

/** The type of the argument that has a name. */
type Named<Name extends string, N extends readonly string[], A extends readonly unknown[]> = {
  [Position in keyof N]: N[Position] extends Name ? (Position extends keyof A ? A[Position] : unknown) : never
}[number]

/** The position of a name in `args`. */
type PositionOf<Name extends string, N extends readonly string[]> = {
  [Position in keyof N]: N[Position] extends Name ? Position : never
}[number]

type HasArgument<Position, A extends readonly unknown[]> = number extends A['length']
  ? true
  : Position extends keyof A
    ? true
    : false

type BeforeFormatters<Text extends string> = Text extends `${infer Before}:${string}` ? Before : Text
type Before<Text extends string, Mark extends string> = Text extends `${infer Start}${Mark}${string}` ? Start : Text
type Head<Text extends string> = Before<Before<Before<Text, '.'>, '['>, '?'>
type Tail<Text extends string, Start extends string> = Text extends `${Start}${infer Rest}` ? Rest : ''
type Unquoted<Item extends string> = Item extends `"${infer Name}"` | `'${infer Name}'` ? Name : Item

type Join<N extends readonly string[]> = N extends readonly [infer First extends string, ...infer Rest extends string[]]
  ? Rest extends []
    ? First
    : `${First}, ${Join<Rest>}`
  : N extends readonly []
    ? 'none'
    : string

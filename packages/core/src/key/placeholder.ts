import { percent } from './escape.ts'
import { format } from './formatter.ts'
import { follow } from './path.ts'
import { type Rendering, render } from './render.ts'
import type { Read } from './signature.ts'
import type { Placeholder } from './template.ts'

/** Makes the key of a call, or a part of it. */
export type MakeKey = (self: unknown, args: readonly unknown[]) => string

/** Text that never occurs at the top level of a rendered value, so that it may follow a placeholder as it is. */
const SEPARATOR = /^[:,=)*?[\]\\{}\p{Cc}]/u

/** Text that cannot be escaped without clashing with an escape. */
const CLASHES = /^([%#(\dA-F]|$)/

/**
 * Makes the text of one placeholder.
 *
 * @param following The literal text between this placeholder and the next one, `undefined` for the last. The text of
 *   the value never holds its first character, so `{a}-{b}` tells `('1-2', '3')` from `('1', '2-3')`. Placeholders that
 *   touch, or could not be told apart by that, are kept apart by a comma.
 */
export function compilePlaceholder(
  { steps, formatters, raw }: Placeholder,
  read: Read,
  rendering: Rendering,
  following: string | undefined,
): MakeKey {
  const as = raw ? 'raw' : rendering
  const make: MakeKey =
    steps.length || formatters.length
      ? (self, args) => {
          let value = follow(read(self, args), steps)
          for (const { name, args: texts } of formatters) value = format(name, value, texts)
          return render(value, as)
        }
      : (self, args) => render(read(self, args), as)

  if (raw || following === undefined || SEPARATOR.test(following)) return make
  if (CLASHES.test(following)) return (self, args) => `${make(self, args)},`
  const [separator = ''] = following // a whole character, not half of one
  return (self, args) => make(self, args).replaceAll(separator, percent(separator))
}

import { asList, fail, pairs } from './content.ts'
import { Reference } from './placeholders.ts'
import { replace } from './replace.ts'

/** Puts the parts of a value that occur more than once where their names stand. */
export function makeGraph(content: unknown): unknown {
  const [table, root] = asList(content)
  const parts = new Map(pairs(table))
  const named = (part: object): unknown => {
    let found: unknown = part
    // A part may be nothing but the name of another one; never more often than there are parts.
    for (let hops = 0; found instanceof Reference; hops++) {
      if (hops > parts.size || !parts.has(found.id)) fail()
      found = parts.get(found.id)
    }
    return found
  }
  return replace(root, named)
}

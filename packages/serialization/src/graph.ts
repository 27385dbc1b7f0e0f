import { asList, asNumber, fail, pairs } from './content.ts'
import { Reference } from './placeholders.ts'
import { replace } from './replace.ts'

/** The names of repeated parts in the value that is being read. */
let references: Reference[] = []

export function makeReference(content: unknown): Reference {
  const reference = new Reference(asNumber(content))
  references.push(reference)
  return reference
}

/** Throws when a name of the value that was read stands for nothing. */
export function checkReferences(): void {
  if (references.length === 0) return
  const met = references
  references = []
  if (!met.every(({ isReplaced }) => isReplaced)) fail()
}

/** Lets the next value begin, whatever became of the last. */
export function forgetReferences(): void {
  if (references.length > 0) references = []
}

/** Puts the parts of a value that occur more than once where their names stand. */
export function makeGraph(content: unknown): unknown {
  const [table, root] = asList(content)
  const parts = new Map(pairs(table))
  const named = (part: object): unknown => {
    let found: unknown = part
    if (part instanceof Reference) part.isReplaced = true
    // A part may be nothing but the name of another one; never more often than there are parts.
    for (let hops = 0; found instanceof Reference; hops++) {
      if (hops > parts.size || !parts.has(found.id)) fail()
      found = parts.get(found.id)
    }
    return found
  }
  return replace(root, named)
}

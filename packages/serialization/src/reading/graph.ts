import { asList, asNumber, fail, pairs } from './content.ts'
import { Reference } from './placeholders.ts'
import { replace } from './replace.ts'

/** The references to repeated parts in the value that is being read. */
let references: Reference[] = []

export function makeReference(content: unknown): Reference {
  const reference = new Reference(asNumber(content))
  references.push(reference)
  return reference
}

/** Throws when the value that was read has a reference to a missing part. */
export function checkReferences(): void {
  if (references.length === 0) return
  const met = references
  references = []
  if (!met.every(({ isReplaced }) => isReplaced)) fail()
}

/** Forgets the references, before the next value is read. */
export function forgetReferences(): void {
  if (references.length > 0) references = []
}

/** Replaces the references in a value by the repeated parts. */
export function makeGraph(content: unknown): unknown {
  const [table, root] = asList(content)
  const parts = new Map(pairs(table))
  const named = (part: object): unknown => {
    let found: unknown = part
    if (part instanceof Reference) part.isReplaced = true
    // A part may itself be a reference to another one: the number of such steps is bounded by the number of parts.
    for (let hops = 0; found instanceof Reference; hops++) {
      if (hops > parts.size || !parts.has(found.id)) fail()
      found = parts.get(found.id)
    }
    return found
  }
  return replace(root, named)
}

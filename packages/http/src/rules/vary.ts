import { createHash } from 'node:crypto'
import { type Field, lineOf, membersOf, type RequestFields } from './field.ts'

/** The request fields that a response varies by, in lowercase and sorted; `'*'` when no request may share it. */
export function varyingFields(vary: Field): readonly string[] | '*' {
  const names = membersOf(vary).map((name) => name.toLowerCase())
  return names.includes('*') ? '*' : [...new Set(names)].sort()
}

/** Adds a name to a `Vary` field, unless it is already listed. */
export function addVary(vary: Field, name: string): string {
  const names = varyingFields(vary)
  if (names === '*') return '*'
  const line = lineOf(vary)
  return names.includes(name.toLowerCase()) ? (line as string) : line ? `${line}, ${name}` : name
}

/**
 * Identifies the variant for a request: equal for requests that have equal values of all these fields. An absent field
 * differs from an empty one.
 */
export function variantOf(names: readonly string[], request: RequestFields, identity: string | undefined): string {
  const values = names.map((name) => normalized(name, Object.hasOwn(request, name) ? request[name] : undefined))
  return createHash('sha256')
    .update(JSON.stringify([names, values, identity ?? null]))
    .digest('base64url')
    .slice(0, 27)
}

const CODINGS = ['br', 'deflate', 'gzip', 'zstd']

function normalized(name: string, field: Field): string | null {
  if (field === undefined) return null
  const members = membersOf(field)
  if (name !== 'accept-encoding') return members.join(', ')
  const codings = members.map((member) => member.toLowerCase().replaceAll(' ', ''))
  // Which encodings a client accepts matters, but not which it prefers, unless it says something of unencoded content.
  if (codings.some((coding) => coding.startsWith('*') || coding.startsWith('identity'))) return codings.join(', ')
  return CODINGS.filter((known) =>
    codings.some((coding) => coding === known || (coding.startsWith(`${known};`) && !/;q=0(\.0*)?$/.test(coding))),
  ).join(', ')
}

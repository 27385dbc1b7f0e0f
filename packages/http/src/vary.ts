import { createHash } from 'node:crypto'
import { type Field, lineOf, membersOf, type RequestFields } from './field.ts'

/** The request fields that a response depends on, in lower case and in order; `'*'` when no request may share it. */
export function varyingFields(vary: Field): readonly string[] | '*' {
  const names = membersOf(vary).map((name) => name.toLowerCase())
  return names.includes('*') ? '*' : [...new Set(names)].sort()
}

/** Adds a name to a `Vary` field, unless it is there. */
export function addVary(vary: Field, name: string): string {
  const names = varyingFields(vary)
  if (names === '*') return '*'
  const line = lineOf(vary)
  return names.includes(name.toLowerCase()) ? (line as string) : line ? `${line}, ${name}` : name
}

/**
 * Names the variant that a request asks for: equal for requests that are alike in all the fields. An absent field is
 * not an empty one.
 */
export function variantOf(names: readonly string[], request: RequestFields, identity: string | undefined): string {
  const values = names.map((name) => normalized(name, request[name]))
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
  // Which codings a client takes matters; which one it prefers does not, unless it refuses what is not encoded.
  if (codings.some((coding) => coding.startsWith('*') || coding.startsWith('identity'))) return codings.join(', ')
  return CODINGS.filter((known) =>
    codings.some((coding) => coding === known || (coding.startsWith(`${known};`) && !/;q=0(\.0*)?$/.test(coding))),
  ).join(', ')
}

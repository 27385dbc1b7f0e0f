import { createHash } from 'node:crypto'
import { checkThat, checkType } from '@cashews/core'
import { type Field, membersOf } from './field.ts'

/** The content of a representation. */
export type Body = string | Uint8Array

/**
 * Computes the entity tag of a representation from its type and its content, before any content coding. It is weak, as
 * a compressor may send different bytes under the same tag (RFC 9110 §8.8.1).
 */
export function entityTag(body: Body, contentType = ''): string {
  checkThat(typeof body === 'string' || body instanceof Uint8Array, 'A body must be text or bytes', body)
  checkType('string', { contentType })
  const hash = createHash('sha256').update(contentType).update('\0').update(body).digest('base64url')
  return `W/"${hash.slice(0, 24)}"`
}

/**
 * Whether a list of entity tags, such as `If-None-Match`, names `tag`, by weak comparison (RFC 9110 §8.8.3.2). `*`
 * names any tag; members that are not entity tags name none. `null` is no field and no tag, as for `Headers`.
 */
export function namesTag(list: Field | null, tag: string | null | undefined): boolean {
  if (tag === undefined || tag === null) return false
  const opaque = opaqueOf(tag)
  const members = membersOf(list, false)
  return members.length === 1 && members[0] === '*' ? true : members.some((member) => opaqueOf(member) === opaque)
}

/** The part that weak comparison looks at; `NaN`, which equals nothing, when this is not an entity tag. */
function opaqueOf(tag: string): string | number {
  const opaque = tag.startsWith('W/') ? tag.slice(2) : tag
  const isTag = opaque.length >= 2 && opaque.startsWith('"') && opaque.indexOf('"', 1) === opaque.length - 1
  return isTag ? opaque : Number.NaN
}

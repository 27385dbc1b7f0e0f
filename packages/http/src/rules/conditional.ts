import { namesTag } from './etag.ts'
import { type Fields, lineOf, type RequestFields } from './field.ts'
import { parseHttpDate } from './http-date.ts'
import { type HttpRequest, isRead, type Reply } from './request.ts'
import { addVary } from './vary.ts'

/**
 * Whether the client already has the response, so that a 304 suffices (RFC 9110 §13.2.2, steps 3 and 4). Only a 200 to
 * GET or HEAD is replaced by one (§15.4.5): never an error, a redirect or the response to a POST.
 */
export function isNotModified(method: string, status: number, request: RequestFields, response: Fields): boolean {
  if (status !== 200 || !isRead(method)) return false
  const tags = request['if-none-match']
  if (tags !== undefined) return namesTag(tags, lineOf(response.etag))
  const since = request['if-modified-since']
  if (since === undefined) return false
  const modified = parseHttpDate(lineOf(response['last-modified'] ?? response.date))
  const known = parseHttpDate(lineOf(since))
  return modified !== undefined && known !== undefined && modified <= known
}

/** The fields that describe content, which a 304 does not have. */
export const OF_CONTENT: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'content-type',
  'content-encoding',
  'content-length',
  'content-language',
  'content-range',
  'content-md5',
  'transfer-encoding',
  'trailer',
])

/**
 * The header of a 304, made from that of a 200 by leaving out what describes the content. `Cache-Control`,
 * `Content-Location`, `Date`, `ETag`, `Expires` and `Vary` must stay (RFC 9110 §15.4.5).
 */
export function notModifiedFields(fields: Fields): Record<string, string | string[]> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !OF_CONTENT.has(name)))
}

/**
 * Replaces a reply by a 304 if the client already has it.
 *
 * @param hasCompressor Whether a compressor may still encode what is sent.
 */
export function conditionalReply(request: HttpRequest, reply: Reply, hasCompressor: boolean): Reply {
  const fields = hasCompressor ? encodableFields(reply.fields) : reply.fields
  if (isNotModified(request.method, reply.status, request.fields, fields))
    return { status: 304, fields: notModifiedFields(fields), body: '', removed: reply.removed }
  return fields === reply.fields ? reply : { ...reply, fields }
}

/**
 * Makes a header valid for encoded content too: an entity tag that several encodings share is weak (RFC 9110 §8.8.1).
 */
function encodableFields(fields: Reply['fields']): Reply['fields'] {
  const tag = lineOf(fields.etag)
  if (tag === undefined || fields['content-encoding'] !== undefined) return fields
  return { ...fields, etag: tag.startsWith('W/') ? tag : `W/${tag}`, vary: addVary(fields.vary, 'Accept-Encoding') }
}

/** The value of a header field as Node has it: one line, several, or none. */
export type Field = string | readonly string[] | undefined

/** Header fields by lowercase name. */
export type Fields = Readonly<Record<string, string | string[]>>

/** The header fields of a request, as `node:http` has them. */
export type RequestFields = Readonly<Record<string, Field>>

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c

/**
 * Splits a list field at the commas outside of quoted strings, and drops empty members (RFC 9110 §5.6.1). Takes linear
 * time, whatever the field holds.
 *
 * @param escapes Whether a backslash in a quoted string escapes the next character. In entity tags it does not.
 */
export function membersOf(field: Field | null, escapes = true): string[] {
  if (field === undefined || field === null) return []
  const members: string[] = []
  if (typeof field === 'string') split(field, escapes, members)
  else for (const line of field) split(line, escapes, members)
  return members
}

function split(line: string, escapes: boolean, members: string[]): void {
  let start = 0
  let isQuoted = false
  for (let at = 0; at <= line.length; at++) {
    const code = at < line.length ? line.charCodeAt(at) : COMMA
    if (code === QUOTE) isQuoted = !isQuoted
    else if (code === BACKSLASH && isQuoted && escapes) at++
    else if (code === COMMA && (!isQuoted || at === line.length)) {
      const member = line.slice(start, at).trim()
      if (member !== '') members.push(member)
      start = at + 1
    }
  }
}

/** Joins the lines of a field as a recipient may (RFC 9110 §5.3). */
export function lineOf(field: Field): string | undefined {
  return typeof field === 'object' ? field.join(', ') : field
}

const MOST_SECONDS = 2 ** 31

/** Parses delta-seconds (RFC 9111 §1.2.2), capped at 2^31; `undefined` when they are invalid. */
export function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Math.min(Number(text), MOST_SECONDS) : undefined
}

/** Formats a structured field string (RFC 9651 §3.3.3). Characters that it cannot hold become question marks. */
export function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`
}

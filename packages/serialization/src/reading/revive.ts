import { TAG, type Tag } from '../formats/tagged.ts'
import { VIEWS } from '../types/built-in.ts'
import type { Fields } from '../writing/plain.ts'
import { asBytes, asList, asNumber, asText, fail, pairs } from './content.ts'
import { makeCustom } from './custom-parts.ts'
import { makeGraph, makeReference } from './graph.ts'
import { makeError } from './revived-error.ts'

/** Restores a tagged part from its tag and its content. Throws when the two do not match. */
export function revive(part: unknown): unknown {
  const parts = asList(part)
  if (parts.length !== 2) fail()
  const [tag, content] = parts
  const make = Object.hasOwn(MAKERS, tag as Tag) ? MAKERS[tag as Tag] : undefined
  if (!make) throw new Error(`unknown tag ${String(tag)}`)
  return make(content)
}

const MAKERS: Readonly<Record<Tag, (content: unknown) => unknown>> = {
  [TAG.negativeZero]: () => -0,
  [TAG.undefined]: () => undefined,
  [TAG.date]: (content) => new Date(asNumber(content)),
  [TAG.map]: (content) => new Map(pairs(content)),
  [TAG.set]: (content) => new Set(asList(content)),
  [TAG.error]: makeError,
  [TAG.url]: (content) => new URL(asText(content)),
  [TAG.urlSearchParams]: (content) => new URLSearchParams(asText(content)),
  [TAG.bigint]: makeBigint,
  [TAG.number]: (content) => Number(asText(content)),
  [TAG.bytes]: (content) => Buffer.from(asText(content), 'base64'),
  [TAG.view]: makeView,
  [TAG.text]: (content) => asBytes(content).toString('utf16le'),
  [TAG.rows]: makeRows,
  [TAG.bare]: (content) => define(Object.create(null), pairs(content)),
  [TAG.entries]: (content) => define({}, pairs(content)),
  [TAG.sparse]: makeSparse,
  [TAG.graph]: makeGraph,
  [TAG.reference]: makeReference,
  [TAG.custom]: makeCustom,
}

function makeBigint(content: unknown): bigint {
  const [, sign, digits] = /^(-?)([0-9a-f]+)$/.exec(asText(content)) ?? fail()
  const magnitude = BigInt(`0x${digits}`)
  return sign ? -magnitude : magnitude
}

function makeView(content: unknown): unknown {
  const [name, bytes] = asList(content)
  const View = VIEWS.find((known) => known.name === name) ?? fail()
  // A copy, aligned for the widest element.
  const { buffer } = new Uint8Array(asBytes(bytes))
  return View === ArrayBuffer ? buffer : new (View as unknown as new (buffer: ArrayBuffer) => unknown)(buffer)
}

function makeRows(content: unknown): Fields[] {
  const [names, flat] = asList(content)
  const keys = asList(names).map(asText)
  const values = asList(flat)
  if (keys.length === 0 || values.length % keys.length !== 0 || keys.includes('__proto__')) fail()
  const rows: Fields[] = []
  for (let at = 0; at < values.length; ) {
    const row: Fields = {}
    for (let column = 0; column < keys.length; column++) row[keys[column] as string] = values[at++]
    rows.push(row)
  }
  return rows
}

/** Restores a list with holes. Its length allocates nothing, however large it is. */
function makeSparse(content: unknown): unknown[] {
  const [length, items] = asList(content)
  const list: unknown[] = []
  for (const [at, item] of pairs(items)) {
    if (!Number.isInteger(at) || (at as number) < 0 || (at as number) >= (length as number)) fail()
    list[at as number] = item
  }
  list.length = asNumber(length)
  return list
}

/** Defines properties rather than assigning them: a key named `__proto__` is data. */
function define(target: object, entries: readonly (readonly [unknown, unknown])[]): object {
  for (const [key, value] of entries)
    Object.defineProperty(target, asText(key), { value, enumerable: true, configurable: true, writable: true })
  return target
}

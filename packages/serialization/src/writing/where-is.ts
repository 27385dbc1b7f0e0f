const MOST_PARTS = 1_000_000
/** A longer path is shortened to its two ends. */
const LONGEST = 200

/** Finds a part in a value, and returns the path to it, such as `it.user.tags[2]`; `it` is the value itself. */
export function whereIs(part: unknown, value: unknown): string {
  const seen = new Set<object>()
  const queue: [found: unknown, way: string][] = [[value, 'it']]
  for (let at = 0; at < queue.length && at < MOST_PARTS; at++) {
    const [found, way] = queue[at] as [unknown, string]
    if (Object.is(found, part)) return shortened(way)
    if (typeof found !== 'object' || found === null || seen.has(found)) continue
    seen.add(found)
    for (const next of partsOf(found, way)) queue.push(next)
  }
  return 'a part of it'
}

function partsOf(value: object, way: string): [unknown, string][] {
  if (value instanceof Map)
    return [...value].flatMap(([key, entry], at) => [
      [key, `${way}'s key ${at}`],
      [entry, `${way}.get(${typeof key === 'string' ? JSON.stringify(key) : `its key ${at}`})`],
    ])
  if (value instanceof Set) return [...value].map((member, at) => [member, `${way}'s member ${at}`])
  if (ArrayBuffer.isView(value)) return []
  return Object.getOwnPropertyNames(value).flatMap((key): [unknown, string][] => {
    const { value: part } = Object.getOwnPropertyDescriptor(value, key) ?? {}
    return part === undefined ? [] : [[part, step(value, way, key)]]
  })
}

function shortened(way: string): string {
  return way.length <= LONGEST ? way : `${way.slice(0, LONGEST / 2)} … ${way.slice(-LONGEST / 2)}`
}

function step(value: object, way: string, key: string): string {
  if (Array.isArray(value)) return `${way}[${key}]`
  return /^[\w$]+$/.test(key) ? `${way}.${key}` : `${way}[${JSON.stringify(key)}]`
}

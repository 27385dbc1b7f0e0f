/** The characters that mean something in a glob. */
const SPECIAL = /[*?[\]\\]/

/** Makes text stand for itself in a pattern: `escapeGlob('a*b')` is `a\*b`. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\]/g, '\\$&')
}

/**
 * Compiles a glob into a test for whole keys. The language is that of Redis `SCAN … MATCH`: `*`, `?`, `[ab]`, `[a-z]`,
 * `[^a]`, and `\` before a character that stands for itself. A character is a UTF-16 code unit.
 *
 * Never a regular expression: the time is bounded by pattern length times key length, whatever the pattern.
 */
export function compileGlob(pattern: string): (key: string) => boolean {
  if (!SPECIAL.test(pattern)) return (key) => key === pattern
  const head = pattern.slice(0, -1)
  if (pattern.endsWith('*') && !SPECIAL.test(head)) return (key) => key.startsWith(head)
  const steps = parse(pattern)
  return (key) => matches(steps, key)
}

const ANY_TEXT = '*'
type Step = typeof ANY_TEXT | ((character: number) => boolean)

function parse(pattern: string): Step[] {
  const steps: Step[] = []
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] as string
    if (character === '*') {
      if (steps.at(-1) !== ANY_TEXT) steps.push(ANY_TEXT)
    } else if (character === '?') {
      steps.push(() => true)
    } else if (character === '[') {
      const end = classEnd(pattern, at)
      steps.push(characterClass(pattern.slice(at + 1, end)))
      at = end
    } else {
      if (character === '\\' && at + 1 < pattern.length) at++
      const code = pattern.charCodeAt(at)
      steps.push((candidate) => candidate === code)
    }
  }
  return steps
}

/** Where the `]` of a class stands; the end of the pattern when it was forgotten, as in Redis. */
function classEnd(pattern: string, start: number): number {
  let at = start + 1
  while (at < pattern.length && pattern[at] !== ']') at += pattern[at] === '\\' ? 2 : 1
  return Math.min(at, pattern.length)
}

function characterClass(body: string): (character: number) => boolean {
  const negated = body.startsWith('^')
  const ranges: [from: number, to: number][] = []
  for (let at = negated ? 1 : 0; at < body.length; at++) {
    if (body[at] === '\\' && at + 1 < body.length) at++
    const from = body.charCodeAt(at)
    if (body[at + 1] === '-' && at + 2 < body.length) {
      at += body[at + 2] === '\\' && at + 3 < body.length ? 3 : 2
      const to = body.charCodeAt(at)
      ranges.push(from <= to ? [from, to] : [to, from])
    } else ranges.push([from, from])
  }
  return (character) => ranges.some(([from, to]) => character >= from && character <= to) !== negated
}

/** Goes back to the last `*` on a mismatch, and lets it swallow one character more. */
function matches(steps: readonly Step[], key: string): boolean {
  let step = 0
  let at = 0
  let lastStar = -1
  let swallowed = 0
  while (at < key.length) {
    const test = steps[step]
    if (test === ANY_TEXT) {
      lastStar = step++
      swallowed = at
    } else if (test?.(key.charCodeAt(at))) {
      step++
      at++
    } else if (lastStar >= 0) {
      step = lastStar + 1
      at = ++swallowed
    } else return false
  }
  while (steps[step] === ANY_TEXT) step++
  return step === steps.length
}

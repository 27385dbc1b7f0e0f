/** The characters that mean something in a glob. */
const SPECIAL = /[*?[\]\\]/g

/** Makes text stand for itself in a pattern: `escapeGlob('a*b')` is `a\*b`. */
export function escapeGlob(text: string): string {
  return text.replace(SPECIAL, '\\$&')
}

/** The text before the first special character of a glob: every key that matches begins with it. */
export function fixedHead(pattern: string): string {
  return pattern.split(SPECIAL, 1)[0] as string
}

/**
 * Compiles a glob into a test for whole keys. The language is that of Redis `SCAN … MATCH`: `*`, `?`, `[ab]`, `[a-z]`,
 * `[^a]`, and `\` before a character that stands for itself. A character is a UTF-16 code unit.
 *
 * Never a regular expression: the time is bounded by pattern length times key length, whatever the pattern.
 */
export function compileGlob(pattern: string): (key: string) => boolean {
  const head = fixedHead(pattern)
  const steps = parse(pattern.slice(head.length))
  return (key) => key.startsWith(head) && matches(steps, key, head.length)
}

const ANY_TEXT = '*'
type Step = typeof ANY_TEXT | ((character: string) => boolean)

/** A class, whose `]` may be forgotten as in Redis, or a character, which may be escaped. */
const STEP = /\[(\^?)((?:\\.|[^\]])*)\]?|\\?(.)/gs
/** What a class holds: one character, or all from one to another. */
const RANGE = /\\?(.)(?:-\\?(.))?/gs

function parse(pattern: string): Step[] {
  const steps: Step[] = []
  for (const [token, negation, members, character] of pattern.matchAll(STEP)) {
    if (members !== undefined) steps.push(characterClass(members, negation === '^'))
    else if (token === '?') steps.push(() => true)
    else if (token !== ANY_TEXT) steps.push((candidate) => candidate === character)
    else if (steps.at(-1) !== ANY_TEXT) steps.push(ANY_TEXT)
  }
  return steps
}

function characterClass(members: string, isNegated: boolean): (character: string) => boolean {
  const ranges = Array.from(members.matchAll(RANGE), ([, from = '', to = from]) => [from, to].sort())
  return (character) => ranges.some(([from = '', to = '']) => from <= character && character <= to) !== isNegated
}

/** Goes back to the last `*` on a mismatch, and lets it swallow one character more. */
function matches(steps: readonly Step[], key: string, from: number): boolean {
  let step = 0
  let at = from
  let lastStar = -1
  let swallowed = 0
  while (at < key.length) {
    const test = steps[step]
    if (test === ANY_TEXT) {
      if (step === steps.length - 1) return true
      lastStar = step++
      swallowed = at
    } else if (test?.(key[at] as string)) {
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

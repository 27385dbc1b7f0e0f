/** A token of JavaScript, or a pair of brackets with its content. */
export type Node = string | Group

/** A pair of brackets with its content. */
interface Group {
  readonly open: string
  readonly nodes: readonly Node[]
  /** Its source, brackets included. */
  readonly text: string
}

const TOKEN =
  /\s+|\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|[\p{ID_Continue}$#]+|=>|\.{3}|[\s\S]/uy
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\//uy
const OPERAND = /[\p{ID_Continue}$)\]}"'`]$/u

/**
 * Reads the parameter list from the source of a function, arrow function, method or accessor.
 *
 * @throws SyntaxError when there is none.
 */
export function parameterList(source: string): readonly Node[] {
  let at = 0
  let last = ''

  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(source)?.[0]
  }

  const next = (): string => {
    const token = match(TOKEN)
    if (!token) throw new SyntaxError()
    const start = at
    at += ((token === '/' && !OPERAND.test(last) && match(REGEX)) || token).length
    if (/^(\s|\/[/*])/.test(token)) return next()
    while (token === '`' && source[at++] !== token) {
      if (source[at - 1] === '\\') at++
      else if (source[at - 1] === '$' && source[at] === '{') group(next())
      else if (at > source.length) next()
    }
    last = source.slice(start, at)
    return last
  }

  const group = (open: string): Group => {
    const start = at - 1
    const nodes: Node[] = []
    for (let token = next(); !/^[)\]}]$/.test(token); token = next()) {
      nodes.push(/^[([{]$/.test(token) ? group(token) : token)
    }
    return { open, nodes, text: source.slice(start, at) }
  }

  for (;;) {
    const name = last
    const token = next()
    if (token === '(') return group(token).nodes
    if (token === '=>') return [name]
    if (token === '{') throw new SyntaxError()
    if (token === '[') group(token)
  }
}

import { type Content, sizeOf } from '@cashews/core'
import { Cell } from '../values/held.ts'

/** A set of text. */
export class MemberSet extends Cell {
  readonly #members = new Set<string>()
  #bytes = 0

  constructor(members: readonly string[] = []) {
    super()
    for (const member of members) this.add(member)
  }

  get bytes(): number {
    return this.#bytes
  }

  get content(): Content {
    return { kind: 'set', items: [...this.#members] }
  }

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  add(member: string): boolean {
    if (this.#members.has(member)) return false
    this.#members.add(member)
    this.#bytes += sizeOf(member)
    return true
  }

  remove(member: string): boolean {
    if (!this.#members.delete(member)) return false
    this.#bytes -= sizeOf(member)
    return true
  }

  pop(count: number): string[] {
    const popped: string[] = []
    for (const member of this.#members) {
      if (popped.length >= count) break
      popped.push(member)
      this.remove(member)
    }
    return popped
  }
}

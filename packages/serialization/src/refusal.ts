/** Why an instance of a class is refused that is neither built in nor registered. */
export const NOBODY = 'nobody registered its class'

/** Thrown for a part that cannot be kept; whoever catches it finds out where the part is. */
export class Refusal extends Error {
  readonly part: unknown

  constructor(part: unknown, why: string) {
    super(why)
    this.part = part
  }
}

/** Why an instance of an unknown class is refused. */
export const UNREGISTERED = 'its class is not registered'

/** Thrown for a part that cannot be stored. The serializer adds where in the value it is. */
export class Refusal extends Error {
  readonly part: unknown

  constructor(part: unknown, why: string) {
    super(why)
    this.part = part
  }
}

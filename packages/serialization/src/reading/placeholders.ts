/** Takes the place of a repeated part until all parts are read. */
export class Reference {
  readonly id: number
  isReplaced = false

  constructor(id: number) {
    this.id = id
  }
}

/** Takes the place of an instance of a custom type until its decoder has finished. */
export class CustomPart {
  readonly id: string
  data: unknown
  value: unknown

  constructor(id: string, data: unknown) {
    this.id = id
    this.data = data
  }
}

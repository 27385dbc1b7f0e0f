/** Stands for a repeated part until all parts are read. */
export class Reference {
  readonly id: number
  isReplaced = false

  constructor(id: number) {
    this.id = id
  }
}

/** Stands for an instance of a custom type until its decoder has answered. */
export class CustomPart {
  readonly id: string
  data: unknown
  value: unknown

  constructor(id: string, data: unknown) {
    this.id = id
    this.data = data
  }
}

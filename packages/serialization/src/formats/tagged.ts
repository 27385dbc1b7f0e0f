/** The kinds of {@link Tagged} parts. The numbers are stored: never change or reuse one. */
export const TAG = {
  negativeZero: 1,
  date: 2,
  map: 3,
  set: 4,
  error: 5,
  url: 6,
  bigint: 7,
  view: 8,
  text: 9,
  rows: 10,
  bare: 11,
  entries: 12,
  sparse: 13,
  graph: 14,
  reference: 15,
  custom: 16,
  urlSearchParams: 17,
  undefined: 18,
  number: 19,
  bytes: 20,
} as const

export type Tag = (typeof TAG)[keyof typeof TAG]

/** Marks a tagged part in JSON: `{"$":[tag,content]}`. */
export const MARK = '$'

/** A part that plain data cannot represent: its kind, and the plain data to restore it from. */
export class Tagged {
  readonly tag: Tag
  /** Changes only for a custom type, once: when its encoder has finished. */
  content: unknown

  constructor(tag: Tag, content: unknown) {
    this.tag = tag
    this.content = content
  }

  toJSON(): unknown {
    return { [MARK]: [this.tag, this.content] }
  }
}

import type { Backend } from './backend.ts'

/** Makes backends from URLs. A backend factory, such as `memory`, is one: a function that also carries these. */
export interface Driver {
  /** The URL schemes it answers for, without the colon: `['mem']`. */
  readonly schemes: readonly string[]
  /** @param overrides Options by name; they win over those of the URL. */
  fromUrl(url: string, overrides?: Readonly<Record<string, unknown>>): Backend
}

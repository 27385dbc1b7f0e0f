import { type Awaitable, chain, DecodeError } from '@cashews/core'

/**
 * A schema of any library that implements Standard Schema (https://standardschema.dev), version 1: zod, valibot,
 * arktype… Declared here as far as needed, to avoid a dependency.
 */
export interface StandardSchema<Output = unknown> {
  /** The interface, version 1. */
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    /** Returns the output of the schema, or what is wrong. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

/** What a schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** What is wrong with a value. */
export interface SchemaIssue {
  /** For people. */
  readonly message: string
  /** Where in the value it is. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/**
 * Validates a value, and returns the schema's output.
 *
 * @throws {DecodeError} Or rejects with it, when the value is invalid.
 */
export function checked(schema: StandardSchema, key: string, value: unknown): Awaitable<unknown> {
  return chain(schema['~standard'].validate(value), (result) => {
    if (result.issues === undefined) return result.value
    const [first] = result.issues
    const where = first?.path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
    const what = `${first?.message ?? 'it does not fit'}${where ? ` (at ${where})` : ''}`
    throw new DecodeError(`The value of "${key}" no longer fits its schema: ${what}.`, { reason: 'schema' })
  })
}

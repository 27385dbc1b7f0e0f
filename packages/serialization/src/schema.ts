import { type Awaitable, chain, DecodeError } from '@cashews/core'

/**
 * A schema of any library that follows Standard Schema (https://standardschema.dev), version 1: zod, valibot, arktype…
 * Written down here as far as it is needed, so that nothing has to be installed.
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Answers what the schema makes of a value. Throws a {@link DecodeError} when the value does not fit. */
export function checked(schema: StandardSchema, key: string, value: unknown): Awaitable<unknown> {
  return chain(schema['~standard'].validate(value), (result) => {
    if (result.issues === undefined) return result.value
    const [first] = result.issues
    const where = first?.path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
    const what = `${first?.message ?? 'it does not fit'}${where ? ` (at ${where})` : ''}`
    throw new DecodeError(`The value of "${key}" no longer fits its schema: ${what}.`, { reason: 'schema' })
  })
}

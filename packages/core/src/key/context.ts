import { checkArgument, checkCallable, checkString } from '../basics/arguments.ts'
import { isOptions } from '../basics/options.ts'
import { currentScope, inScope } from '../scope/scope.ts'

const bareNames = new Set<string>()

/**
 * Runs `fn` with values for `{@name}` placeholders: they reach every key that is made inside, however deep, in this
 * asynchronous call only. Contexts nest; the inner value wins.
 *
 * ```ts
 * await keyContext({ tenant: 'acme' }, () => getUser('1')) // key: '{@tenant}:user:{id}'
 * ```
 */
export function keyContext<T>(values: Readonly<Record<string, unknown>>, fn: () => T): T {
  checkArgument(isOptions(values), 'keyContext takes an object, such as { tenant }', values)
  checkCallable(fn)
  return inScope({ keyContext: { ...currentScope()?.keyContext, ...values } }, fn)
}

/** Lets templates defined from now on write `{name}` for `{@name}`, where no parameter has that name. */
export function registerKeyContext(...names: readonly string[]): void {
  for (const name of names) checkString('The name of a key context', name)
  for (const name of names) bareNames.add(name)
}

/** Tells whether a bare name was registered for the key context. */
export function isContextName(name: string): boolean {
  return bareNames.has(name)
}

import { type Awaitable, chain } from '@cashews/core'
import { CustomTypeError, callOf, typeById } from '../types/custom-types.ts'
import { asList, asText } from './content.ts'
import { checkReferences, forgetReferences } from './graph.ts'
import { CustomPart } from './placeholders.ts'
import { replace } from './replace.ts'

/** The custom parts of the value that is being read, inner ones first. */
let customParts: CustomPart[] = []

/** Reads a whole value, and then lets the custom types create their instances. */
export function reviveAll(
  read: (bytes: Buffer, start: number) => unknown,
  bytes: Buffer,
  start: number,
): Awaitable<unknown> {
  if (customParts.length > 0) customParts = []
  forgetReferences()
  const value = read(bytes, start)
  checkReferences()
  if (customParts.length === 0) return value
  const parts = customParts
  customParts = []
  const instances = parts.reduce<Awaitable<unknown>>(
    (before, part) => chain(before, () => chain(instanceOf(part), (instance) => setValue(part, instance))),
    undefined,
  )
  return chain(instances, () => replace(value, valueOfCustom))
}

function setValue(part: CustomPart, instance: unknown): void {
  part.value = instance
}

function instanceOf(part: CustomPart): Awaitable<unknown> {
  const type = typeById(part.id)
  if (!type) throw new CustomTypeError(`no class is registered for the type "${part.id}"`)
  return callOf(part.id, () => type.decode(replace(part.data, valueOfCustom)))
}

const valueOfCustom = (part: object): unknown => (part instanceof CustomPart ? part.value : part)

/** Registers an instance of a custom type, to be created once the whole value is read. */
export function makeCustom(content: unknown): CustomPart {
  const [id, data] = asList(content)
  const part = new CustomPart(asText(id), data)
  customParts.push(part)
  return part
}

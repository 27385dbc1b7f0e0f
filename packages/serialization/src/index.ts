export type { Codec } from './codec.ts'
export type { CompressionAlgorithm, CompressionOptions } from './compression.ts'
export { type ClassOf, registerType, type TypeDefinition } from './custom-types.ts'
export {
  type SerializerLimits,
  type SerializerOptions,
  serializationUrlOptions,
  serializerOptionNames,
  serializerOptionsFromUrl,
} from './options.ts'
export { rawOf } from './raw.ts'
export type { SchemaIssue, SchemaResult, StandardSchema } from './schema.ts'
export type { Secret } from './sealing.ts'
export { createSerializer, type Serializer, type StoreTraits } from './serializer.ts'
export { type BodyOptions, registerResponse, registerStreams } from './web-types.ts'

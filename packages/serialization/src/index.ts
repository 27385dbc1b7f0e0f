export type { Codec } from './codec.ts'
export type { CompressionAlgorithm, CompressionOptions } from './envelope/compression.ts'
export type { Secret } from './envelope/sealing.ts'
export {
  type SerializerLimits,
  type SerializerOptions,
  serializationUrlOptions,
  serializerOptionNames,
  serializerOptionsFromUrl,
} from './options.ts'
export { rawOf } from './raw.ts'
export { createSerializer, type Serializer, type StoreTraits } from './serializer.ts'
export { type ClassOf, registerType, type TypeDefinition } from './types/custom-types.ts'
export type { SchemaIssue, SchemaResult, StandardSchema } from './types/schema.ts'
export { type BodyOptions, registerResponse, registerStreams } from './types/web-types.ts'

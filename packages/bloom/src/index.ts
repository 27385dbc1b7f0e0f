export { type Bloom, type BloomDecorator, type BloomHandle, type BloomOptions, bloom, type ElementOf } from './bloom.ts'
export {
  type DualBloom,
  type DualBloomDecorator,
  type DualBloomHandle,
  type DualBloomOptions,
  dualBloom,
  type Pair,
} from './dual-bloom.ts'
export type { ElementOptions, Question } from './element.ts'
export { FilterLostError, LoadStoppedError } from './errors.ts'
export type { Estimate } from './filter.ts'
export type { LoadOptions, Progress, Source } from './loading.ts'
export { hashBytes } from './murmur.ts'
export { type SizingOptions, sizingOf } from './sizing.ts'

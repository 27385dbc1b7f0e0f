export { type MemoryDriver, type MemoryOptions, memory } from './memory.ts'
export type { MemoryBackend } from './memory-backend.ts'

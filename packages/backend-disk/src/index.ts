export { type DiskBackend, type DiskDriver, disk } from './disk.ts'
export type { DiskOptions } from './settings.ts'

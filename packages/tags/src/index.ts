export { type CacheTags, createTags } from './tags.ts'

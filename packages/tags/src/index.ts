export { type CacheTags, createTags, type TagsOptions } from './tags.ts'

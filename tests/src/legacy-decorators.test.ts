import { describe } from 'vitest'

// The tests of decorated methods again. The mark has vitest.config.ts compile them for the older decorators of TypeScript.
describe('with experimentalDecorators', async () => {
  await import('./bloom-methods.test.ts?legacy')
  await import('./cached-methods.test.ts?legacy')
  await import('./static-methods.test.ts?legacy')
  await import('./strategy-methods.test.ts?legacy')
})

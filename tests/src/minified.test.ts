import { build } from 'esbuild'
import { expect, it } from 'vitest'

/** Bundles code as an application does, with classes renamed by a minifier, and imports it. */
async function minified(code: string): Promise<Record<string, unknown>> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: import.meta.dirname },
    conditions: ['@cashews/source'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    write: false,
  })
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0]?.text ?? '')}`)
}

it('keeps the names of our errors in a minified bundle, and those of subclasses', async () => {
  const packages = ['core', 'strategies', 'transactions', 'bloom']
  const errors = await minified(`
    import { TtlError } from '@cashews/core'
    ${packages.map((name) => `export * from '@cashews/${name}'`).join('\n')}
    export class OfOthers extends TtlError {}`)
  const types = Object.entries(errors).filter(([name]) => /Error$|Open$/.test(name)) as [string, typeof Error][]
  expect(types.length).toBeGreaterThan(20)
  for (const [name, { prototype }] of types) if (name !== 'CashewsError') expect(prototype.name).toBe(name)
  expect(new (errors.OfOthers as typeof Error)('other').name).not.toBe('TtlError')
})

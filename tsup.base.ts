import { copyFile } from 'node:fs/promises'
import { rolldown } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'
import type { Options } from 'tsup'

const isOwnFile = (id: string) => /^[./]/.test(id)

/**
 * Writes `dist/index.d.ts` and its CommonJS twin. Our sources state every exported type (`isolatedDeclarations`), so
 * declarations are read off file by file: no type checker runs, which `pnpm typecheck` does once for the whole workspace.
 */
async function bundleDeclarations(): Promise<void> {
  const bundle = await rolldown({
    input: './src/index.ts',
    external: (id) => !isOwnFile(id),
    plugins: [dts({ generator: 'oxc', dtsOnly: true, tsconfig: false })],
  })
  await bundle.write({ dir: 'dist', entryFileNames: '[name].ts' })
  await bundle.close()
  await copyFile('dist/index.d.ts', 'dist/index.d.cts')
}

/** One entry per package: with several entries the CJS build would copy shared modules into each of them. */
export const base: Options = {
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node22',
  platform: 'node',
  sourcemap: true,
  clean: true,
  treeshake: false,
  removeNodeProtocol: false,
  onSuccess: bundleDeclarations,
}

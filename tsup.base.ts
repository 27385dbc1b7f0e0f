import type { Options } from 'tsup'

/** One entry per package: with several entries the CJS build would copy shared modules into each of them. */
export const base: Options = {
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node22',
  platform: 'node',
  dts: true,
  sourcemap: true,
  clean: true,
  treeshake: false,
  removeNodeProtocol: false,
}

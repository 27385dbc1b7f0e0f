import { createRequire } from 'node:module'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { build } from 'esbuild'
import { expect, it } from 'vitest'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'
import type { Checkpointer } from '../src/files/checkpointer.ts'

type Bundle = { readonly Checkpointer: typeof Checkpointer }

const sources = join(import.meta.dirname, '../src/files')

async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(sources, 'checkpointer.ts')],
    conditions: ['@cashews/source'],
    external: ['better-sqlite3'],
    logOverride: { 'empty-import-meta': 'silent' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}

it('logs are copied in a CommonJS bundle too, which has no import.meta', async () => {
  const path = join(freshDirectory(), 'log.db')
  const writer = new Sqlite(path)
  writer.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x)')

  const module = { exports: {} as Bundle }
  const code = await bundled()
  new Function('module', 'require', '__dirname', code)(module, createRequire(sources), sources)
  const checkpointer = new module.exports.Checkpointer('OFF')
  expect(await checkpointer.copy(path, 'RESTART')).toMatchObject({ isWhole: true })

  for (const each of [checkpointer, writer]) await each.close()
})

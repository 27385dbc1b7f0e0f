import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkReadmes } from '../../scripts/check-readmes.mjs'
import { allBlocks, blocksOf } from '../../scripts/readme-blocks.mjs'
import { root } from '../../scripts/workspace.mjs'

const fence = '```'
const readme = (...parts: readonly string[]): string => parts.join('\n')

describe('the code blocks of every README and of docs', () => {
  it('type-check against the packages', async () => {
    expect(await checkReadmes()).toEqual([])
  })

  it('import only what the README says to install', () => {
    const shown = allBlocks().filter(({ file, mode }) => file.endsWith('README.md') && mode !== 'ignore')
    const missing = shown.flatMap(({ file, code }) => {
      const install = /npm i(?:nstall)? (.*)/.exec(readFileSync(join(root, file), 'utf8'))?.[1]
      const imported = Array.from(code.matchAll(/ from '((?!node:|\.)[^']+)'/g), ([, name]) => name as string)
      return install ? imported.filter((name) => !install.includes(name)).map((name) => `${file}: ${name}`) : []
    })
    expect(missing).toEqual([])
  })
})

describe('the check of code blocks', () => {
  it('names file and line of a type error', async () => {
    const text = readme('# Title', `${fence}ts`, "const a: string = 'fine'", 'const b: number = a', fence)
    expect(await checkReadmes(blocksOf('packages/x/README.md', text))).toEqual([
      expect.stringMatching(/^packages\/x\/README\.md:4: error TS2322/),
    ])
  })

  it('puts hidden code before the block, and counts only the visible lines', async () => {
    const text = readme('<!-- before', 'const a = 1', '-->', `${fence}ts`, 'const b: string = a', fence)
    expect(await checkReadmes(blocksOf('README.md', text))).toEqual([
      expect.stringMatching(/^README\.md:5: error TS2322/),
    ])
  })

  it('refuses a block that opts out without a reason', async () => {
    for (const mark of ['ignore', 'no-run', 'ignore:', 'whatever']) {
      const blocks = blocksOf('README.md', readme(`${fence}ts ${mark}`, 'const a: string = 1', fence))
      expect(blocks[0]?.problem, mark).toBeTypeOf('string')
    }
    const ignored = blocksOf('README.md', readme(`${fence}ts ignore: shows a mistake`, 'const a: string = 1', fence))
    expect(await checkReadmes(ignored)).toEqual([])
  })

  it('reads indented blocks and skips other languages', () => {
    const text = readme('- item', `  ${fence}ts`, '  const a = 1', `  ${fence}`, `${fence}sh`, 'npm i', fence)
    expect(blocksOf('README.md', text).map((b) => b.code)).toEqual(['const a = 1'])
  })
})

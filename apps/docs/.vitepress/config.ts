import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DefaultTheme, defineConfig } from 'vitepress'

/** The pages are in their places all over the repository, where they can be read without this site. */
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

/** A link to a page, named by its first heading. */
function page(path: string): DefaultTheme.SidebarItem {
  const [, title = path] = /^# (.*)$/m.exec(readFileSync(join(root, path), 'utf8')) ?? []
  return { text: title.replaceAll('`', ''), link: linkTo(path) }
}

/** All pages of a folder, its README first. */
function pagesIn(folder: string): DefaultTheme.SidebarItem[] {
  const files = readdirSync(join(root, folder)).filter((file) => file.endsWith('.md'))
  return ['README.md', ...files.filter((file) => file !== 'README.md')].map((file) => page(`${folder}/${file}`))
}

function linkTo(path: string): string {
  return `/${path.replace(/README\.md$/, '').replace(/\.md$/, '')}`
}

/**
 * Converts a link between pages of the repository to one on the site, where a folder is shown by its README. Returns
 * `undefined` for a link to another file, which the site does not have.
 */
function linkOnSite(href: string, from: string): string | undefined {
  if (/^([a-z]+:|#|\/)/.test(href)) return href
  const [path = '', anchor] = href.split('#', 2)
  const target = posix.join(posix.dirname(from), path)
  const isFolder = !/\.\w+$/.test(target)
  if (!isFolder && !target.endsWith('.md')) return undefined
  const link = linkTo(isFolder ? `${target}/README.md` : target)
  return anchor === undefined ? link : `${link}#${anchor}`
}

const guides = [
  'recipes',
  'coming-from',
  'redis',
  'disk',
  'serialization',
  'envelope',
  'tags',
  'transactions',
  'bloom',
  'metrics',
]
const packages = readdirSync(join(root, 'packages'))

export default defineConfig({
  title: 'cashews',
  description: 'Makes slow functions fast, safe from stampedes, and easy to invalidate.',
  srcDir: root,
  srcExclude: ['**/CHANGELOG.md', 'README.md', '.changeset/**', 'apps/demo/**', 'apps/bench/**'],
  rewrites: (path) => (path === 'apps/docs/index.md' ? 'index.md' : path.replace(/README\.md$/, 'index.md')),
  cleanUrls: true,
  ignoreDeadLinks: false,
  markdown: {
    languageAlias: { promql: 'sql' },
    config(md) {
      md.core.ruler.push('links-between-pages', ({ tokens, env }) => {
        for (const { children } of tokens)
          children?.forEach((token, at) => {
            const href = token.type === 'link_open' ? token.attrGet('href') : null
            if (href === null) return
            const link = linkOnSite(href, env.relativePath)
            if (link !== undefined) token.attrSet('href', link)
            else for (const end of [token, children[at + 2]]) if (end) Object.assign(end, { type: 'text', content: '' })
          })
      })
    },
  },
  vite: {
    // A target that the esbuild of the workspace supports.
    build: { target: 'es2022' },
    optimizeDeps: { esbuildOptions: { target: 'es2022' } },
    server: { watch: { ignored: ['**/dist/**', '**/coverage/**', '**/.turbo/**'] } },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Guides', link: '/docs/strategies/' },
      { text: 'Packages', link: '/packages/core/' },
      { text: 'How it works', link: '/ARCHITECTURE' },
    ],
    sidebar: [
      { text: 'Strategies', items: pagesIn('docs/strategies') },
      { text: 'HTTP', items: pagesIn('docs/http') },
      { text: 'Guides', items: guides.map((name) => page(`docs/${name}.md`)) },
      { text: 'Packages', items: packages.map((name) => page(`packages/${name}/README.md`)) },
      {
        text: 'Behind it',
        items: [
          page('ARCHITECTURE.md'),
          page('CONTRIBUTING.md'),
          page('docs/python-parity.md'),
          { text: 'Decisions', collapsed: true, items: pagesIn('docs/decisions') },
        ],
      },
    ],
  },
})

// The folders and packages of the workspace.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '')

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {boolean} [private]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [devDependencies]
 * @property {Record<string, string>} [peerDependencies]
 * @property {Record<string, string>} [optionalDependencies]
 * @property {Record<string, unknown>} [exports]
 *
 * @typedef {object} Package
 * @property {string} dir relative to the root: `packages/core`
 * @property {Manifest} manifest
 */

/**
 * Lists the packages of a workspace, those in `packages/`, `apps/` and `tests`.
 * @param {string} [base]
 * @returns {Package[]}
 */
export function listPackages(base = root) {
  const dirs = ['packages', 'apps'].flatMap((parent) =>
    existsSync(join(base, parent)) ? readdirSync(join(base, parent)).map((name) => `${parent}/${name}`) : [],
  )
  return [...dirs, 'tests']
    .filter((dir) => existsSync(join(base, dir, 'package.json')))
    .sort()
    .map((dir) => ({ dir, manifest: JSON.parse(readFileSync(join(base, dir, 'package.json'), 'utf8')) }))
}

/** Lists the packages that users install. */
export const listPublished = () =>
  listPackages().filter(({ dir, manifest }) => dir.startsWith('packages/') && !manifest.private)

/**
 * Lists the files below a folder, without node_modules, dist and dot folders. Paths are relative to `base`.
 * @param {string} base
 * @param {string} dir
 * @param {RegExp} name
 * @returns {string[]}
 */
export function listFiles(base, dir, name) {
  if (!existsSync(join(base, dir))) return []
  return readdirSync(join(base, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = dir === '.' ? entry.name : `${dir}/${entry.name}`
    if (entry.isDirectory())
      return /^(node_modules|dist|coverage|\..*)$/.test(entry.name) ? [] : listFiles(base, path, name)
    return name.test(entry.name) ? [path] : []
  })
}

import type { Backend } from '@cashews/core'
import type { CheckContext, Group } from './check.ts'

/** The groups of commands that a store may declare absent. */
export const GROUPS: readonly Group[] = ['bits', 'windows', 'sets', 'locks']

export function isGroup(name: string): name is Group {
  return GROUPS.some((group) => group === name)
}

/** The commands of a group, which a check that needs it may take for granted. */
export function groupOf<G extends Group>({ backend }: CheckContext, name: G): Exclude<Backend[G], false> {
  const group = backend[name]
  if (!group) throw new Error(`The backend says it has no ${name}. If that is meant, say so: without: ['${name}'].`)
  return group as Exclude<Backend[G], false>
}

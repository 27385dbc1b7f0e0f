import { checkGroups, handClock, runCheck, runChecks } from '@cashews/conformance'
import { describe, expect, it } from 'vitest'
import { type RichBackend, richReference } from './support/rich-reference.ts'
import { saboteurs } from './support/saboteurs/index.ts'
import { unreachable } from './support/unreachable.ts'

const checks = checkGroups.flatMap((group) => group.checks)

describe('every check', () => {
  it('has a title of its own', () => {
    expect(new Set(checks.map(({ title }) => title)).size).toBe(checks.length)
  })

  it('has a saboteur, and no saboteur is left over', () => {
    expect(Object.keys(saboteurs).sort()).toEqual(checks.map(({ title }) => title).sort())
  })

  it('passes on a backend that keeps every promise, none skipped', async () => {
    const clock = handClock()
    const results = await runChecks(() => richReference(clock), {
      elapse: clock.elapse,
      unreachable: () => unreachable(richReference(clock)),
    })
    expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
    expect(results).toHaveLength(checks.length)
  })
})

describe('a backend that breaks a promise is caught by its check', () => {
  for (const check of checks) {
    it(check.title, async () => {
      const clock = handClock()
      const sabotage = saboteurs[check.title]
      const sabotaged = (store: RichBackend) => ({ ...store, ...sabotage?.(store, clock) })
      const { outcome, error } = await runCheck(check, () => sabotaged(richReference(clock)), {
        elapse: clock.elapse,
        unreachable: () => sabotaged(unreachable(richReference(clock))),
        timeout: 3_000,
        model: { seed: 1 },
      })
      expect(outcome).toBe('failed')
      expect(error).toBeInstanceOf(Error)
    })
  }
})

import type { Expectation, KindWrite, LockExpectation, Write } from '@cashews/core'

/** What a step of a store takes for granted. */
export type Expected = Expectation | LockExpectation

/** What a step of a store changes. */
export type Change = Write | KindWrite

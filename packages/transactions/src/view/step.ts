import type { Expectation, KindWrite, LockExpectation, Write } from '@cashews/core'

/** A condition of `apply`, on a key or on a lock. */
export type Expected = Expectation | LockExpectation

/** A write of `apply`, of a key or of a lock. */
export type Change = Write | KindWrite

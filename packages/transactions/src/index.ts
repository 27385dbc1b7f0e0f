export { outsideTransaction } from '@cashews/core'
export type { TransactionControl } from './control.ts'
export {
  CrossSlotError,
  TransactionClosedError,
  TransactionConflictError,
  TransactionPartialError,
  TransactionRestartError,
  TransactionUnknownError,
} from './errors.ts'
export type { TransactionMode, TransactionOptions } from './options.ts'
export { transaction } from './transaction.ts'
export { type TransactionalDecorator, transactional } from './transactional.ts'

export { outsideTransaction } from '@cashews/core'
export {
  CrossSlotError,
  TransactionClosedError,
  TransactionConflictError,
  TransactionPartialError,
  TransactionRestartError,
  TransactionUnknownError,
} from './errors.ts'
export type { TransactionMode, TransactionOptions } from './options.ts'
export { type TransactionControl, transaction } from './transaction.ts'
export { type TransactionalDecorator, transactional } from './transactional.ts'

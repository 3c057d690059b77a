import type { Change } from '../../ports/engine/change.ts'
import type { Tx } from './access.ts'

/** Makes changes when called; `perform` does them where the transaction is, which on SQLite is another thread. */
export interface Write<Input, Output> {
  (input: Input): Change<Output>
  readonly operation: string
  perform(this: void, tx: Tx, input: Input): Promise<Output>
}

/**
 * `perform` reads and writes through `tx` only, throws `WriteConflict` where the change no longer applies, and may be run
 * more than once before it counts: no effects but through `tx`. The name must be unique: `<port>.<verb>`.
 */
export const defineWrite = <Input, Output>(
  operation: string,
  perform: (tx: Tx, input: Input) => Promise<Output>,
): Write<Input, Output> =>
  Object.assign((input: Input): Change<Output> => ({ operation, input }), { operation, perform })

export type Perform = (tx: Tx, input: unknown) => Promise<unknown>
export type WriteTable = ReadonlyMap<string, Perform>

export const writeTable = (writes: readonly Write<never, unknown>[]): WriteTable => {
  const table = new Map<string, Perform>()
  for (const write of writes) {
    if (table.has(write.operation)) throw new Error(`two writes are named ${write.operation}`)
    table.set(write.operation, write.perform as Perform)
  }
  return table
}

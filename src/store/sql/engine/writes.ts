import type { Change, DurableStream } from '../../ports/engine/change.ts'
import type { Tx } from './access.ts'

/**
 * How a write's input travels to the writing thread where it is asked for so often that names of members would be most of what is copied: as a list of
 * values in a fixed order.
 */
export interface Packing<Input> {
  pack(input: Input): readonly unknown[]
  unpack(values: readonly unknown[]): Input
}

/** Makes changes when called; `perform` does them where the transaction is, which on SQLite is another thread. */
export interface Write<Input, Output> {
  (input: Input): Change<Output>
  readonly operation: string
  /** The streams in which it takes positions. */
  readonly streams: readonly DurableStream[]
  readonly packing?: Packing<Input>
  perform(this: void, tx: Tx, input: Input): Promise<Output>
}

type PerformOf<Input, Output> = (tx: Tx, input: Input) => Promise<Output>

/**
 * `perform` reads and writes through `tx` only, throws `WriteConflict` where the change no longer applies, and may be run
 * more than once before it counts: no effects but through `tx`. The name must be unique: `<port>.<verb>`. A write that takes positions names
 * their streams, so that its transaction keeps others from those and from no more.
 */
export function defineWrite<Input, Output>(operation: string, perform: PerformOf<Input, Output>): Write<Input, Output>
export function defineWrite<Input, Output>(
  operation: string,
  streams: readonly DurableStream[],
  perform: PerformOf<Input, Output>,
): Write<Input, Output>
export function defineWrite<Input, Output>(
  operation: string,
  ...rest: readonly [PerformOf<Input, Output>] | readonly [readonly DurableStream[], PerformOf<Input, Output>]
): Write<Input, Output> {
  const [streams, perform] = rest.length === 1 ? [[], rest[0]] : rest
  return Object.assign((input: Input): Change<Output> => ({ operation, input }), { operation, streams, perform })
}

/** The same write, whose input travels packed. */
export const packed = <Input, Output>(write: Write<Input, Output>, packing: Packing<Input>): Write<Input, Output> =>
  Object.assign(write, { packing })

type AnyWrite = Pick<Write<unknown, unknown>, 'streams' | 'perform' | 'packing'>
export type WriteTable = ReadonlyMap<string, AnyWrite>

export const writeTable = (
  writes: readonly Pick<Write<never, unknown>, 'operation' | 'streams' | 'perform'>[],
): WriteTable => {
  const table = new Map<string, AnyWrite>()
  for (const write of writes) {
    if (table.has(write.operation)) throw new Error(`two writes are named ${write.operation}`)
    table.set(write.operation, write as unknown as AnyWrite)
  }
  return table
}

import type { Change, DurableStream } from '../../ports/engine/change.ts'
import type { Tx } from './access.ts'

/**
 * Turns the input of a frequent write, or its output, into a list of values in a fixed order, for the messages between threads: the names of
 * members would be most of what is copied.
 */
export interface Packing<Value> {
  pack(value: Value): readonly unknown[]
  unpack(values: readonly unknown[]): Value
}

/** A call makes a change; `perform` carries it out where the transaction is, which on SQLite is another thread. */
export interface Write<Input, Output> {
  (input: Input): Change<Output>
  readonly operation: string
  /** The streams in which the write takes positions. */
  readonly streams: readonly DurableStream[]
  readonly packing?: Packing<Input>
  /** The same for what it answers. */
  readonly outputPacking?: Packing<Output>
  /** Whether the write does little with this input, whatever is stored: the serving thread may then carry it out itself. */
  isBrief?(this: void, input: Input): boolean
  perform(this: void, tx: Tx, input: Input): Promise<Output>
}

type PerformOf<Input, Output> = (tx: Tx, input: Input) => Promise<Output>

/**
 * Defines a write. The operation's name must be unique: `<port>.<verb>`. `perform` throws `WriteConflict` if the change no longer applies;
 * it may run more than once, so it has no effects but through `tx`. A write that takes positions declares their streams, which
 * its transaction locks; a write without streams takes the one lock that all such writes share.
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

/** Gives a write the packing of its input, and of its output. */
export const packed = <Input, Output>(
  write: Write<Input, Output>,
  packing: Packing<Input>,
  outputPacking: Packing<Output>,
): Write<Input, Output> => Object.assign(write, { packing, outputPacking })

/** Says of which inputs a write is brief: see `Write.isBrief`. */
export const brief = <Input, Output>(
  write: Write<Input, Output>,
  isBrief: (input: Input) => boolean,
): Write<Input, Output> => Object.assign(write, { isBrief })

type AnyWrite = Pick<Write<unknown, unknown>, 'streams' | 'perform' | 'packing' | 'outputPacking' | 'isBrief'>
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

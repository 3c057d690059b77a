/** A receiver is told once how something ended. */
export interface Receiver<Value> {
  deliver(value: Value): void
  fail(error: unknown): void
}

/** A value that comes later. It holds less memory than a promise and a suspended function: for values that many thousands wait for. */
export interface Pending<Value> {
  /** To be called once. */
  deliverTo(receiver: Receiver<Value>): void
  /** Ends the wait with what there is now. */
  hurry(): void
  /** The receiver wants it no more, and is told nothing. */
  abandon(): void
}

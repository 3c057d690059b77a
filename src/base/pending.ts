/** Who is told, once, how something ended. */
export interface Receiver<Value> {
  deliver(value: Value): void
  fail(error: unknown): void
}

/** A value that comes later. Leaner than a promise, and than what awaits one: for what many thousands wait for. */
export interface Pending<Value> {
  /** Called once, by whoever wants the value. */
  deliverTo(receiver: Receiver<Value>): void
  /** Ends the wait with what there is now. */
  hurry(): void
  /** The receiver wants it no more, and is told nothing. */
  abandon(): void
}

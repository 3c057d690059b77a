/** Called once with the result or the error. */
export interface Receiver<Value> {
  deliver(value: Value): void
  fail(error: unknown): void
}

/** A value that comes later. It needs less memory than a promise and a suspended function: for values that many thousands wait for. */
export interface Pending<Value> {
  /** Sets the receiver; to be called once. */
  deliverTo(receiver: Receiver<Value>): void
  /** Ends the wait with the value as it is now. */
  hurry(): void
  /** Ends the wait without calling the receiver. */
  abandon(): void
}

/** A typed outcome, for code that must not throw. */
export type Result<Value, Failure> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: Failure }

export const ok = <Value>(value: Value): Result<Value, never> => ({ ok: true, value })
export const fail = <const Failure>(failure: Failure): Result<never, Failure> => ({ ok: false, failure })

/** Makes the compiler prove that a switch is exhaustive. */
export const unreachable = (value: never): never => {
  throw new Error(`unreachable: ${String(value)}`)
}

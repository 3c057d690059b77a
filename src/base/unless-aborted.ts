/** The promise's outcome, or the given error as soon as the signal aborts. */
export const unlessAborted = async <Value>(
  promise: Promise<Value>,
  signal: AbortSignal,
  error: () => Error,
): Promise<Value> => {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(error())
  signal.addEventListener('abort', abort)
  try {
    if (signal.aborted) abort()
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

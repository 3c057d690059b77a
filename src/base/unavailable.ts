/**
 * An error that says: nothing is wrong with the request, but what it needs cannot be had now. Rooms that may not import
 * each other recognise it by this shape, not by its class.
 */
export interface Unavailable extends Error {
  /** When it is worth to try again. */
  readonly retryAfterMs: number
}

export const isUnavailable = (error: unknown): error is Unavailable =>
  error instanceof Error && 'retryAfterMs' in error && typeof error.retryAfterMs === 'number'

/**
 * An error that means: the request is valid, but something that it needs is not available now. Layers that may not import each other
 * recognise it by this shape, not by its class.
 */
export interface Unavailable extends Error {
  readonly retryAfterMs: number
}

export const isUnavailable = (error: unknown): error is Unavailable =>
  error instanceof Error && 'retryAfterMs' in error && typeof error.retryAfterMs === 'number'

/**
 * An error that means: the request is valid, but something that it needs is not available now. Layers that may not import each other
 * recognise it by this shape, not by its class.
 */
export interface Unavailable extends Error {
  readonly retryAfterMs: number
}

/** Others change the same thing faster than a request can follow. Thrown after several tries. Clients get 503 with a time to retry. */
export class Contended extends Error implements Unavailable {
  override readonly name = 'Contended'
  readonly retryAfterMs = 1_000
}

export const isUnavailable = (error: unknown): error is Unavailable =>
  error instanceof Error && 'retryAfterMs' in error && typeof error.retryAfterMs === 'number'

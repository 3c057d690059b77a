import type { AnyEndpoint } from '../endpoint/endpoint.ts'
import { countedAs } from '../endpoint/requester.ts'
import type { IncomingRequest } from '../reading/incoming.ts'
import { addressKey, type RateLimiter } from './rate-limits.ts'
import type { WaitingRequests } from './waiting.ts'

export interface AdmissionParts {
  readonly rateLimiter: RateLimiter
  readonly waiting: Pick<WaitingRequests, 'rechecks'>
}

/** Admits requests: the requester is identified first, then the request counts against the requester's limit. */
export class Admission {
  readonly #rateLimiter: RateLimiter
  readonly #waiting: Pick<WaitingRequests, 'rechecks'>

  constructor({ rateLimiter, waiting }: AdmissionParts) {
    this.#rateLimiter = rateLimiter
    this.#waiting = waiting
  }

  /** To be called once a request, at the stage of the endpoint's auth. Throws `M_LIMIT_EXCEEDED` and what the auth throws. */
  async admit({ auth, rateLimit }: AnyEndpoint, incoming: IncomingRequest): Promise<void> {
    incoming.rechecksBefore = this.#waiting.rechecks
    const identified = auth.identify(incoming)
    const requester = identified instanceof Promise ? await identified : identified
    incoming.requester = requester
    if (rateLimit === 'unlimited') return
    // A server asks for many people: it has one budget for all that it asks.
    const own = requester?.kind === 'server' ? undefined : requester?.rateLimit
    if (own?.perSecond === 0) return
    const limit = requester?.kind === 'server' ? 'federation' : rateLimit
    await this.#rateLimiter.consume(limit, countedAs(requester) ?? addressKey(incoming.ip), own)
  }
}

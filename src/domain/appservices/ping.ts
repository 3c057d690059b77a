import type { Clock } from '#base'
import type { AppserviceRequests } from '#net'
import { MatrixError } from '#spec'
import type { ApplicationService } from './application-service.ts'

export interface PingedAt {
  readonly atMs: number
  readonly ok: boolean
  readonly reason: string
}

export interface AppservicePingParts {
  readonly requests: Pick<AppserviceRequests, 'ask'>
  readonly clock: Clock
  /** Called when a service answered: what waits for it is sent at once. */
  readonly answered: (service: ApplicationService) => void
}

/** As much of a service's answer as is told to it. */
const MAX_TOLD = 1_000

/** Asks services whether they are there (application service API, "Pinging"). */
export class AppservicePing {
  readonly #parts: AppservicePingParts
  readonly #last = new Map<string, PingedAt>()

  constructor(parts: AppservicePingParts) {
    this.#parts = parts
  }

  /** The last ping of the service since the server started. */
  last(id: string): PingedAt | undefined {
    return this.#last.get(id)
  }

  /** Returns how long it took, in milliseconds. Throws `M_URL_NOT_SET`, `M_CONNECTION_TIMEOUT`, `M_CONNECTION_FAILED`, `M_BAD_STATUS`. */
  async ping(service: ApplicationService, transactionId: string | undefined): Promise<number> {
    const { requests, clock, answered } = this.#parts
    const { url, hsToken } = service.registration
    if (url === undefined) throw new MatrixError('M_URL_NOT_SET', 'The application service has no URL')
    const begun = clock.monotonicMs()
    const body = JSON.stringify(transactionId === undefined ? {} : { transaction_id: transactionId })
    const answer = await requests.ask({ url, hsToken }, { method: 'POST', path: '/_matrix/app/v1/ping', body })
    if (answer.kind === 'failed') {
      this.#note(service, false, answer.reason)
      const errcode = answer.timedOut ? 'M_CONNECTION_TIMEOUT' : 'M_CONNECTION_FAILED'
      throw new MatrixError(errcode, `The application service could not be reached: ${answer.reason}`)
    }
    const { status, text } = answer
    if (status < 200 || status > 299) {
      this.#note(service, false, `status ${status}`)
      throw new MatrixError('M_BAD_STATUS', `The application service answered with status ${status}`, {
        fields: { status, body: text.slice(0, MAX_TOLD).toWellFormed() },
      })
    }
    this.#note(service, true, `status ${status}`)
    answered(service)
    return Math.round(clock.monotonicMs() - begun)
  }

  #note({ id }: ApplicationService, ok: boolean, reason: string): void {
    this.#last.set(id, { atMs: this.#parts.clock.nowMs(), ok, reason })
  }
}

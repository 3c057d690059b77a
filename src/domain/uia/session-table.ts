import { BoundedCache, type Clock, type Random } from '#base'
import type { Errcode, JsonObject, UserId } from '#spec'
import type { Stage } from './stages.ts'

/** What an operation asks for, and what can be done for it. */
export interface StageOffer {
  /** Each a list of stage types in their order. */
  readonly flows: readonly (readonly string[])[]
  /**
   * Whether a flow's stages may be passed in any order. The text of 2015 lets the client choose "one of the stages" of its flow, and servers
   * took them in any; that of today says that they "must be completed in order". So each is asked by the rule of its time.
   */
  readonly anyOrder?: boolean
  readonly stages: readonly Stage[]
}

/** One user-interactive authentication under way. */
export interface UiaSession {
  readonly id: string
  /** What it is for: it opens nothing else. */
  readonly operation: string
  readonly requester: UserId | undefined
  /** For who completes a stage on a page of ours. */
  readonly offer: StageOffer
  /** On the monotonic clock. */
  readonly endsAtMs: number
  /** The parameters of the first request that had any; holds passwords: never log it. */
  body: JsonObject | undefined
  /** Stages in the order in which they were passed, with what each found out. */
  readonly completed: Map<string, string | undefined>
  /** What the operation left for a client that did not get its answer and asks again. */
  outcome: JsonObject | undefined
  /** Why nothing can come of it any more. */
  refusal: { readonly errcode: Errcode; readonly error: string } | undefined
}

const LIMIT_BYTES = 16 * 1024 * 1024
const SESSION_BYTES = 512

/**
 * Sessions in memory, bounded in bytes: with too many, those not touched for longest end. They are of one process: a restart ends them,
 * and a client then begins anew.
 */
export class UiaSessionTable {
  readonly #clock: Clock
  readonly #random: Random
  readonly #lifetimeMs: number
  readonly #sessions = new BoundedCache<string, UiaSession>({
    name: 'uia-sessions',
    limitBytes: LIMIT_BYTES,
    sizeBytes: ({ body, completed }) =>
      SESSION_BYTES +
      (body === undefined ? 0 : 2 * JSON.stringify(body).length) +
      2 * completed.values().reduce((length, fact) => length + (fact?.length ?? 0), 0),
  })

  constructor(clock: Clock, random: Random, lifetimeMs: number) {
    this.#clock = clock
    this.#random = random
    this.#lifetimeMs = lifetimeMs
  }

  begin(operation: string, requester: UserId | undefined, offer: StageOffer): UiaSession {
    const session: UiaSession = {
      id: this.#random.token(24),
      operation,
      requester,
      offer: { flows: offer.flows, stages: offer.stages, anyOrder: offer.anyOrder === true },
      endsAtMs: this.#clock.monotonicMs() + this.#lifetimeMs,
      body: undefined,
      completed: new Map(),
      outcome: undefined,
      refusal: undefined,
    }
    this.#sessions.set(session.id, session)
    return session
  }

  find(id: string): UiaSession | undefined {
    const session = this.#sessions.get(id)
    if (session === undefined || session.endsAtMs > this.#clock.monotonicMs()) return session
    this.#sessions.delete(id)
    return undefined
  }

  /** Its size changed. One that ended meanwhile stays ended. */
  touch(session: UiaSession): void {
    if (this.#sessions.get(session.id) === session) this.#sessions.set(session.id, session)
  }

  end(session: UiaSession): void {
    this.#sessions.delete(session.id)
  }

  /** Those that a user began with an access token, in which they were proved to be the user, or which made the account. */
  endAllOf(userId: UserId): void {
    this.#sessions.deleteWhere(
      ({ requester, completed, outcome }) =>
        requester === userId || outcome?.user_id === userId || completed.values().some((fact) => fact === userId),
    )
  }
}

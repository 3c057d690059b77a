import { KeyedLock } from '#base'
import { type Errcode, type JsonObject, MatrixError, stringAt, type UserId } from '#spec'
import type { StageOffer, UiaSession, UiaSessionTable } from './session-table.ts'
import type { StageOutcome } from './stages.ts'

export interface UiaRequest extends StageOffer {
  /** Method, path and whatever else a session must not be carried over to. */
  readonly operation: string
  readonly requester: UserId | undefined
  readonly auth: JsonObject | undefined
  /** Where it came from, for stages that want to know. */
  readonly ip?: string | undefined
  /** The other parameters, only those that the operation knows: they are kept in memory. */
  readonly body: JsonObject
}

export interface Granted {
  /** The parameters that count: those of the first request of the session that had any. */
  readonly body: JsonObject
  /** What the stages found out, by their types. */
  readonly facts: ReadonlyMap<string, string | undefined>
  /** What `remember` was given when the operation was done before in this session. */
  readonly remembered: JsonObject | undefined
  /** Keeps the session, so that a client which did not get the answer can ask for it again. Otherwise it ends with the operation. */
  remember(outcome: JsonObject): void
}

export type UiaAnswer<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  /** For status 401. */
  | { readonly kind: 'challenge'; readonly body: UiaChallenge }

/** What is still to do; further members come from stages of several requests. */
export type UiaChallenge = JsonObject & {
  readonly flows: readonly { readonly stages: readonly string[] }[]
  readonly session: string
  readonly completed: readonly string[]
  /** Where an attempt failed, with `error`. */
  readonly errcode?: Errcode
  readonly error?: string
}

export interface UiaOperation<Result> {
  /** Runs before any authentication, with the parameters that will count. Throws what is wrong with them. */
  check?(body: JsonObject, remembered: JsonObject | undefined): Promise<void>
  perform(granted: Granted): Promise<Result>
}

/** A stage as somebody sees it who knows the session, but did not begin it. */
export type StageState =
  /** No such session, or it ended. */
  | { readonly kind: 'noSession' }
  /** None of the session's flows has it. */
  | { readonly kind: 'notAsked' }
  /** Another one comes first. */
  | { readonly kind: 'notYet' }
  | { readonly kind: 'passed' }
  | {
      readonly kind: 'open'
      /** Those that are the same for every session. */
      readonly params: JsonObject | undefined
      readonly operation: string
      readonly requester: UserId | undefined
    }

export interface Refusal {
  readonly errcode: Errcode
  readonly error: string
}

/** Client-server API, "User-Interactive Authentication API". Knows nothing of accounts: stages and operations are given to it. */
export class InteractiveAuth {
  readonly #sessions: UiaSessionTable
  /** Two requests of one session take turns: an operation is not done twice. */
  readonly #turns = new KeyedLock<string>()

  constructor(sessions: UiaSessionTable) {
    this.#sessions = sessions
  }

  run<Result>(request: UiaRequest, operation: UiaOperation<Result>): Promise<UiaAnswer<Result>> {
    const id = request.auth === undefined ? undefined : stringAt(request.auth, 'session')
    return id === undefined
      ? this.#turn(request, operation, undefined)
      : this.#turns.run(id, () => this.#turn(request, operation, id))
  }

  /** "Fallback": how a stage stands that is to be completed in a browser, with the session's id as the only proof. */
  stageState(sessionId: string, type: string): StageState {
    const session = this.#sessions.find(sessionId)
    if (session === undefined || session.refusal !== undefined) return { kind: 'noSession' }
    if (session.completed.has(type)) return { kind: 'passed' }
    const { flows, stages } = session.offer
    const stage = stages.find((candidate) => candidate.type === type)
    if (stage === undefined || !isAsked({ flows }, type)) return { kind: 'notAsked' }
    if (!nextStages(session.offer, session).includes(type)) return { kind: 'notYet' }
    const { operation, requester } = session
    return { kind: 'open', params: typeof stage.params === 'object' ? stage.params : undefined, operation, requester }
  }

  /** Does one stage of a session for the operation that began it. The client learns of it with its next request. */
  attemptStage(
    sessionId: string,
    type: string,
    auth: JsonObject,
    ip: string | undefined,
  ): Promise<Refusal | undefined> {
    return this.#turns.run(sessionId, async () => {
      const session = this.#sessions.find(sessionId)
      if (session === undefined || session.refusal !== undefined) return SESSION_ENDED
      const step = await this.#attempt(session.offer, session, {
        auth: { ...auth, type },
        requester: session.requester,
        ip,
      })
      return step.kind === 'failed' ? step : undefined
    })
  }

  /** For who sets a new password, or ends all sessions: what was proved before, by whomever, opens nothing any more. */
  endAllOf(userId: UserId): void {
    this.#sessions.endAllOf(userId)
  }

  async #turn<Result>(
    request: UiaRequest,
    operation: UiaOperation<Result>,
    id: string | undefined,
  ): Promise<UiaAnswer<Result>> {
    const known = id === undefined ? undefined : this.#sessions.find(id)
    if (known !== undefined) assertOpen(known, request)
    const body = known?.body ?? request.body
    await operation.check?.(body, known?.outcome)

    const session = known ?? this.#sessions.begin(request.operation, request.requester, request)
    if (session.body === undefined && Object.keys(body).length > 0) {
      session.body = body
      this.#sessions.touch(session)
    }
    const step =
      id !== undefined && known === undefined ? SESSION_ENDED : await this.#attempt(request, session, request)
    assertOpen(session, request)
    if (step.kind !== 'passed' || !isComplete(request, session)) return challenge(request, session, step)
    return { kind: 'done', result: await this.#perform(session, body, operation) }
  }

  /** Does the stage that `auth` names, if it names one and it was not passed before. */
  async #attempt(
    offer: StageOffer,
    session: UiaSession,
    { auth, requester, ip }: Pick<UiaRequest, 'auth' | 'requester' | 'ip'>,
  ): Promise<StageOutcome> {
    const type = auth === undefined ? undefined : stringAt(auth, 'type')
    // Without a type the client says that a stage was completed elsewhere; a passed stage cannot be retried.
    if (auth === undefined || type === undefined || session.completed.has(type)) return { kind: 'passed' }
    const stage = offer.stages.find((candidate) => candidate.type === type)
    if (stage === undefined || (isAsked(offer, type) && !nextStages(offer, session).includes(type))) return NOT_NEXT
    const outcome = await stage.attempt({ session: session.id, auth, requester, ip })
    if (outcome.kind === 'failed' && outcome.final === true) session.refusal = outcome
    if (outcome.kind === 'passed') {
      session.completed.set(type, outcome.fact)
      if (outcome.fact !== undefined) this.#sessions.touch(session)
    }
    return outcome
  }

  async #perform<Result>(session: UiaSession, body: JsonObject, operation: UiaOperation<Result>): Promise<Result> {
    let remembered = false
    const result = await operation.perform({
      body,
      facts: session.completed,
      remembered: session.outcome,
      remember: (outcome) => {
        session.outcome = outcome
        remembered = true
      },
    })
    if (!remembered) this.#sessions.end(session)
    return result
  }
}

const SESSION_ENDED = {
  kind: 'failed',
  errcode: 'M_FORBIDDEN',
  error: 'This authentication session has ended',
} as const
const NOT_NEXT = { kind: 'failed', errcode: 'M_FORBIDDEN', error: 'This is not the next stage of any flow' } as const

/** A 401 invites another attempt, "but the client may make a second attempt"; where it may not, the answer is another. */
const assertOpen = (session: UiaSession, request: UiaRequest): void => {
  if (session.operation !== request.operation || session.requester !== request.requester) {
    throw new MatrixError('M_FORBIDDEN', 'This authentication session was begun for another request')
  }
  if (session.refusal !== undefined) throw new MatrixError(session.refusal.errcode, session.refusal.error)
}

/** A stage that is in no flow can be passed at any time, and does not count: clients may prove more than is asked for, as Synapse lets them. */
const isAsked = ({ flows }: Pick<StageOffer, 'flows'>, type: string): boolean =>
  flows.some((flow) => flow.includes(type))

/** The stages that may come now: in each flow whose beginning was passed, the one after it; in any order, all that were not passed yet. */
const nextStages = (offer: StageOffer, session: UiaSession): readonly string[] => {
  const passed = [...session.completed.keys()].filter((type) => isAsked(offer, type))
  return offer.flows.flatMap((flow) => {
    if (offer.anyOrder === true)
      return passed.every((type) => flow.includes(type)) ? flow.filter((type) => !session.completed.has(type)) : []
    const next = flow[passed.length]
    return next !== undefined && passed.every((type, index) => flow[index] === type) ? [next] : []
  })
}

const isComplete = (request: UiaRequest, session: UiaSession): boolean =>
  request.flows.some((flow) => flow.length > 0 && flow.every((type) => session.completed.has(type)))

const fieldsOf = (step: StageOutcome): JsonObject => {
  if (step.kind === 'failed') return { errcode: step.errcode, error: step.error }
  return step.kind === 'pending' ? (step.fields ?? {}) : {}
}

const challenge = async (
  request: UiaRequest,
  session: UiaSession,
  step: StageOutcome,
): Promise<{ readonly kind: 'challenge'; readonly body: UiaChallenge }> => {
  const offered = new Set(request.flows.flat())
  const params: Record<string, JsonObject> = {}
  for (const { type, params: needed } of request.stages) {
    if (needed === undefined || !offered.has(type)) continue
    params[type] = typeof needed === 'object' ? needed : await needed(session)
  }
  return {
    kind: 'challenge',
    body: {
      ...fieldsOf(step),
      flows: request.flows.map((stages) => ({ stages: [...stages] })),
      params,
      session: session.id,
      completed: [...session.completed.keys()],
    },
  }
}

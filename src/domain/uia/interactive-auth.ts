import { type Clock, KeyedLock, type Random } from '#base'
import { type Errcode, type JsonObject, MatrixError, stringAt, type UserId } from '#spec'
import type { Change, ShortLivedTable } from '#store'
import type { StageFacts } from './facts.ts'
import { hasPassed, isAsked, nextStages, ownerOf, type Refusal, type UiaSession } from './session.ts'
import type { Stage, StageOffer, StageOutcome } from './stages.ts'

export interface UiaRequest extends StageOffer {
  /** Method and path, and whatever else a session must not be used across. */
  readonly operation: string
  readonly requester: UserId | undefined
  readonly auth: JsonObject | undefined
  /** The IP address of the request, for stages that need it. */
  readonly ip?: string | undefined
  /** The other parameters of the request, only those that the operation knows, as they are stored. */
  readonly body: JsonObject
}

export interface Granted {
  /** The parameters of the operation: those of the first request of the session that had any. */
  readonly body: JsonObject
  readonly facts: StageFacts
  /** The argument of `remember`, when the operation was done before in this session. */
  readonly remembered: JsonObject | undefined
  /** Keeps the session, so that a client that did not get the answer can ask again. Otherwise the session ends with the operation. */
  remember(outcome: JsonObject): void
}

export type UiaAnswer<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  /** For status 401. */
  | { readonly kind: 'challenge'; readonly body: UiaChallenge }

/** The stages still to do; further members come from stages of several requests. */
export type UiaChallenge = JsonObject & {
  readonly flows: readonly { readonly stages: readonly string[] }[]
  readonly session: string
  readonly completed: readonly string[]
  /** Present with `error` if an attempt failed. */
  readonly errcode?: Errcode
  readonly error?: string
}

export interface UiaOperation<Result> {
  /** Runs before any authentication, with the parameters of the operation. Throws if something is wrong with them. */
  check?(body: JsonObject, remembered: JsonObject | undefined): Promise<void>
  perform(granted: Granted): Promise<Result>
}

/** The state of a stage, for somebody who has only the session's id. */
export type StageState =
  /** No such session, or it has ended. */
  | { readonly kind: 'noSession' }
  /** None of the session's flows has the stage. */
  | { readonly kind: 'notAsked' }
  /** Another stage comes first. */
  | { readonly kind: 'notYet' }
  | { readonly kind: 'passed' }
  | {
      readonly kind: 'open'
      /** Parameters that are the same for every session. */
      readonly params: JsonObject | undefined
      readonly operation: string
      readonly requester: UserId | undefined
    }

export interface InteractiveAuthParts {
  readonly sessions: ShortLivedTable<UiaSession>
  /** The stages that an operation knows, for people who complete one on a page of ours. */
  stagesOf(operation: string): readonly Stage[]
  readonly clock: Clock
  readonly random: Random
  readonly lifetimeMs: number
}

/**
 * Client-server API, "User-Interactive Authentication API". Knows nothing of accounts: stages and operations are given to it. Sessions are in
 * the database, so a client may go on at another process, or after a restart.
 */
export class InteractiveAuth {
  readonly #parts: InteractiveAuthParts
  /** Two requests of one session take turns in this process; between processes, a session is taken by one of them. */
  readonly #turns = new KeyedLock<string>()

  constructor(parts: InteractiveAuthParts) {
    this.#parts = parts
  }

  run<Result>(request: UiaRequest, operation: UiaOperation<Result>): Promise<UiaAnswer<Result>> {
    const id = request.auth === undefined ? undefined : stringAt(request.auth, 'session')
    return id === undefined
      ? this.#begin(request, operation)
      : this.#turns.run(id, async () => {
          const session = await this.#parts.sessions.find(id)
          return session === undefined
            ? this.#begin(request, operation, SESSION_ENDED)
            : this.#goOn(request, operation, id, session)
        })
  }

  /** The state of a stage that is completed in a browser ("Fallback"); the session's id is the only proof. */
  async stageState(sessionId: string, type: string): Promise<StageState> {
    const session = await this.#parts.sessions.find(sessionId)
    if (session === undefined || session.refusal !== undefined) return { kind: 'noSession' }
    if (hasPassed(session, type)) return { kind: 'passed' }
    const { operation, requester } = session
    const stage = this.#parts.stagesOf(operation).find((candidate) => candidate.type === type)
    if (stage === undefined || !isAsked(session, type)) return { kind: 'notAsked' }
    if (!nextStages(session).includes(type)) return { kind: 'notYet' }
    return { kind: 'open', params: typeof stage.params === 'object' ? stage.params : undefined, operation, requester }
  }

  /** Attempts one stage of a session, in a browser. The client learns the result with its next request. */
  attemptStage(
    sessionId: string,
    type: string,
    auth: JsonObject,
    ip: string | undefined,
  ): Promise<Refusal | undefined> {
    return this.#turns.run(sessionId, async () => {
      const session = await this.#parts.sessions.find(sessionId)
      if (session === undefined || session.refusal !== undefined) return SESSION_ENDED
      const stages = this.#parts.stagesOf(session.operation).filter((stage) => isAsked(session, stage.type))
      const attempt = { session: sessionId, auth: { ...auth, type }, requester: session.requester, ip }
      const step = await attemptOne(stages, session, attempt)
      await this.#store(sessionId, session, progressed(session, undefined, type, step))
      return step.kind === 'failed' ? step : undefined
    })
  }

  /** Ends all sessions of a user, as a change for the commit of a new password or of the end of all devices: earlier proofs open nothing any more. */
  endingAllOf(userId: UserId): Change<void> {
    return this.#parts.sessions.removingOwned(userId)
  }

  /** `refused`: the reason why an older session does not count. */
  async #begin<Result>(
    request: UiaRequest,
    operation: UiaOperation<Result>,
    refused?: StageOutcome & { readonly kind: 'failed' },
  ): Promise<UiaAnswer<Result>> {
    const { clock, random, lifetimeMs, sessions } = this.#parts
    await operation.check?.(request.body, undefined)
    const id = random.token(ID_LENGTH)
    const fresh: UiaSession = {
      operation: request.operation,
      requester: request.requester,
      flows: request.flows,
      anyOrder: request.anyOrder === true,
      endsAtMs: clock.nowMs() + lifetimeMs,
      completed: [],
    }
    const step = refused ?? (await attemptOne(request.stages, fresh, { ...request, session: id }))
    const session = progressed(fresh, request.body, typeIn(request.auth), step)
    assertOpen(session, request)
    if (step.kind === 'passed' && isComplete(request, session)) {
      // No client knows this session, so it is not stored.
      return { kind: 'done', result: await operation.perform(grantedBy(session, request, () => {})) }
    }
    await sessions.put(session, { id, owner: ownerOf(session), lifetimeMs })
    return challenge(request, id, session, step)
  }

  async #goOn<Result>(
    request: UiaRequest,
    operation: UiaOperation<Result>,
    id: string,
    before: UiaSession,
  ): Promise<UiaAnswer<Result>> {
    assertOpen(before, request)
    const moved = await this.#check(operation, before.body ?? request.body, id, before)
    if (moved !== undefined)
      return moved === 'gone'
        ? this.#begin(request, operation, SESSION_ENDED)
        : this.#goOn(request, operation, id, moved)
    const step = await attemptOne(request.stages, before, { ...request, session: id })
    const after = progressed(before, request.body, typeIn(request.auth), step)
    if (step.kind !== 'passed' || !isComplete(request, after)) {
      const session = await this.#store(id, before, after)
      assertOpen(session, request)
      return challenge(request, id, session, step)
    }
    // The request that takes the session does the operation: no other request finds it meanwhile.
    const taken = await this.#parts.sessions.take(id)
    if (taken === undefined) return challenge(request, id, after, SESSION_ENDED)
    return this.#perform(id, after, request, operation)
  }

  /**
   * Returns what the session has become where another process took it since it was read: what that one made, such as an account of the name, fails the check.
   * Throws what the check throws in all other cases.
   */
  async #check<Result>(
    operation: UiaOperation<Result>,
    body: JsonObject,
    id: string,
    before: UiaSession,
  ): Promise<UiaSession | 'gone' | undefined> {
    try {
      await operation.check?.(body, before.outcome)
      return undefined
    } catch (error) {
      const now = await this.#parts.sessions.find(id)
      if (now === undefined) return 'gone'
      if (before.outcome === undefined && now.outcome !== undefined) return now
      throw error
    }
  }

  /** Does the operation. The session is stored again if the operation fails or has left something to remember. */
  async #perform<Result>(
    id: string,
    session: UiaSession,
    request: UiaRequest,
    operation: UiaOperation<Result>,
  ): Promise<UiaAnswer<Result>> {
    let outcome: JsonObject | undefined
    try {
      const granted = grantedBy(session, request, (remembered) => {
        outcome = remembered
      })
      const result = await operation.perform(granted)
      if (outcome !== undefined) await this.#putBack(id, { ...session, outcome })
      return { kind: 'done', result }
    } catch (error) {
      await this.#putBack(id, outcome === undefined ? session : { ...session, outcome })
      throw error
    }
  }

  async #putBack(id: string, session: UiaSession): Promise<void> {
    const lifetimeMs = session.endsAtMs - this.#parts.clock.nowMs()
    if (lifetimeMs > 0) await this.#parts.sessions.put(session, { id, owner: ownerOf(session), lifetimeMs })
  }

  /** Stores the session. Stages that another process added meanwhile count too. */
  async #store(id: string, before: UiaSession, after: UiaSession): Promise<UiaSession> {
    if (after === before) return before
    const stored = await this.#parts.sessions.change(id, (current) => {
      const missing = after.completed.filter(({ type }) => !hasPassed(current, type))
      const value = {
        ...current,
        body: current.body ?? after.body,
        completed: [...current.completed, ...missing],
        refusal: current.refusal ?? after.refusal,
      }
      return { value, owner: ownerOf(value) }
    })
    return stored ?? after
  }
}

const ID_LENGTH = 24

const SESSION_ENDED = {
  kind: 'failed',
  errcode: 'M_FORBIDDEN',
  error: 'This authentication session has ended',
} as const
const NOT_NEXT = { kind: 'failed', errcode: 'M_FORBIDDEN', error: 'This is not the next stage of any flow' } as const

/** Throws for a session of another request, and for one that can no longer succeed: a 401 would invite another attempt ("but the client may make a second attempt"). */
const assertOpen = (session: UiaSession, request: UiaRequest): void => {
  if (session.operation !== request.operation || session.requester !== request.requester) {
    throw new MatrixError('M_FORBIDDEN', 'This authentication session was begun for another request')
  }
  if (session.refusal !== undefined) throw new MatrixError(session.refusal.errcode, session.refusal.error)
}

const typeIn = (auth: JsonObject | undefined): string | undefined =>
  auth === undefined ? undefined : stringAt(auth, 'type')

/** Attempts the stage that `auth` names, unless it names none or it is passed already. */
const attemptOne = async (
  stages: readonly Stage[],
  session: UiaSession,
  attempt: Pick<UiaRequest, 'auth' | 'requester' | 'ip'> & { readonly session: string },
): Promise<StageOutcome> => {
  const { auth, requester, ip } = attempt
  const type = typeIn(auth)
  // An `auth` without type says that a stage was completed elsewhere; a passed stage cannot be tried again.
  if (auth === undefined || type === undefined || hasPassed(session, type)) return { kind: 'passed' }
  const stage = stages.find((candidate) => candidate.type === type)
  if (stage === undefined || (isAsked(session, type) && !nextStages(session).includes(type))) return NOT_NEXT
  return stage.attempt({ session: attempt.session, auth, requester, ip })
}

/** The session after an attempt; the same object if nothing changed. */
const progressed = (
  session: UiaSession,
  body: JsonObject | undefined,
  type: string | undefined,
  step: StageOutcome,
): UiaSession => {
  const isNewBody = session.body === undefined && body !== undefined && Object.keys(body).length > 0
  const withBody = isNewBody ? { ...session, body } : session
  if (step.kind === 'failed' && step.final === true) {
    return { ...withBody, refusal: { errcode: step.errcode, error: step.error } }
  }
  if (step.kind !== 'passed' || type === undefined || hasPassed(session, type)) return withBody
  return { ...withBody, completed: [...session.completed, { type, fact: step.fact }] }
}

const isComplete = (request: UiaRequest, session: UiaSession): boolean =>
  request.flows.some((flow) => flow.length > 0 && flow.every((type) => hasPassed(session, type)))

const grantedBy = (session: UiaSession, request: UiaRequest, remember: Granted['remember']): Granted => ({
  body: session.body ?? request.body,
  facts: new Map(session.completed.map(({ type, fact }) => [type, fact])),
  remembered: session.outcome,
  remember,
})

const fieldsOf = (step: StageOutcome): JsonObject => {
  if (step.kind === 'failed') return { errcode: step.errcode, error: step.error }
  return step.kind === 'pending' ? (step.fields ?? {}) : {}
}

const challenge = async (
  request: UiaRequest,
  id: string,
  session: UiaSession,
  step: StageOutcome,
): Promise<{ readonly kind: 'challenge'; readonly body: UiaChallenge }> => {
  const offered = new Set(request.flows.flat())
  const params: Record<string, JsonObject> = {}
  for (const { type, params: needed } of request.stages) {
    if (needed === undefined || !offered.has(type)) continue
    const { operation, requester } = session
    params[type] = typeof needed === 'object' ? needed : await needed({ id, operation, requester })
  }
  return {
    kind: 'challenge',
    body: {
      ...fieldsOf(step),
      flows: request.flows.map((stages) => ({ stages: [...stages] })),
      params,
      session: id,
      completed: session.completed.map(({ type }) => type),
    },
  }
}

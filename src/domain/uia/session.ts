import type { Errcode, JsonObject, UserId } from '#spec'
import type { StageFact } from './facts.ts'

export interface Refusal {
  readonly errcode: Errcode
  readonly error: string
}

export interface CompletedStage {
  readonly type: string
  readonly fact?: StageFact | undefined
}

/** One user-interactive authentication under way: plain data, kept in the database, sealed. */
export interface UiaSession {
  /** The only operation that it opens. */
  readonly operation: string
  readonly requester?: UserId | undefined
  readonly flows: readonly (readonly string[])[]
  /** See `StageOffer`. */
  readonly anyOrder: boolean
  /** Unix time. */
  readonly endsAtMs: number
  /** The parameters of the first request that had any; holds passwords: never log it. */
  readonly body?: JsonObject | undefined
  /** In the order in which they were passed. */
  readonly completed: readonly CompletedStage[]
  /** The outcome, for a client that did not get its answer and asks again. */
  readonly outcome?: JsonObject | undefined
  /** Why nothing can come of it any more. */
  readonly refusal?: Refusal | undefined
}

export const hasPassed = ({ completed }: UiaSession, type: string): boolean =>
  completed.some((stage) => stage.type === type)

/** The user whose new password ends the session: the one who began it with an access token, was proved in it, or got an account by it. */
export const ownerOf = ({ requester, outcome, completed }: UiaSession): string => {
  const made = outcome?.user_id
  const proved = completed
    .map(({ fact }) => (fact?.kind === 'user' ? fact.userId : undefined))
    .find((id) => id !== undefined)
  return requester ?? (typeof made === 'string' ? made : undefined) ?? proved ?? ''
}

/** The stages that may be tried now: in each flow the one after the stages that were passed, or all others if the order is free. */
export const nextStages = (session: UiaSession): readonly string[] => {
  const passed = session.completed.map(({ type }) => type).filter((type) => isAsked(session, type))
  return session.flows.flatMap((flow) => {
    if (session.anyOrder)
      return passed.every((type) => flow.includes(type)) ? flow.filter((type) => !hasPassed(session, type)) : []
    const next = flow[passed.length]
    return next !== undefined && passed.every((type, index) => flow[index] === type) ? [next] : []
  })
}

/** Whether any flow has the stage. Other stages can be passed at any time and do not count, as in Synapse. */
export const isAsked = ({ flows }: Pick<UiaSession, 'flows'>, type: string): boolean =>
  flows.some((flow) => flow.includes(type))

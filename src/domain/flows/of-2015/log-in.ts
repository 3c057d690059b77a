import { type JsonObject, MatrixError } from '#spec'
import type { SessionRequest } from '../../devices/index.ts'
import { factIn, type InteractiveAuth, type Stage, type UiaAnswer } from '../../uia/index.ts'
import type { LogIn } from '../sessions/log-in.ts'

export interface LogIn2015Parts {
  readonly logIn: LogIn
  readonly uia: InteractiveAuth
  /** Each passed with the user id as its fact. */
  readonly stages: readonly Stage[]
}

/** The operation of its sessions. */
export const LOG_IN_2015 = 'POST /login of the first version'

/**
 * `POST /login` of the first version ("Registration and Login") without a password: stages of several requests, each of which
 * identifies the account in the end. Every flow has one stage; the stages of longer flows would be passed one after the other.
 */
export class LogIn2015 {
  /** The stage types of each flow. */
  readonly flows: readonly (readonly string[])[]
  /** Each passed with the user as its fact. */
  readonly stages: readonly Stage[]
  readonly #parts: LogIn2015Parts

  constructor(parts: LogIn2015Parts) {
    this.#parts = parts
    this.stages = parts.stages
    this.flows = parts.stages.map(({ type }) => [type])
  }

  /** `auth`: the request, with its `type` and `session`. */
  run(auth: JsonObject, session: Omit<SessionRequest, 'userId'>): Promise<UiaAnswer<JsonObject>> {
    return this.#parts.uia.run(
      {
        operation: LOG_IN_2015,
        requester: undefined,
        flows: this.flows,
        stages: this.stages,
        anyOrder: true,
        auth,
        ip: session.from.ip,
        body: {},
      },
      {
        perform: ({ facts }) => {
          const fact = factIn(facts, 'user')
          if (fact === undefined) throw new MatrixError('M_FORBIDDEN', 'Nobody was proved')
          return this.#parts.logIn.asUser({ ...session, userId: fact.userId })
        },
      },
    )
  }
}

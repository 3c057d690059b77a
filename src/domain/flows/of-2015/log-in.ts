import { type JsonObject, MatrixError, type UserId } from '#spec'
import type { SessionRequest } from '../../devices/index.ts'
import type { InteractiveAuth, Stage, UiaAnswer } from '../../uia/index.ts'
import type { LogIn } from '../sessions/log-in.ts'

/** The operation of its sessions. */
export const LOG_IN_2015 = 'POST /login of the first version'

/**
 * `POST /login` of the first version ("Registration and Login") by other ways than a password: stages of several requests, each of which says
 * in the end whose account it is. What proves somebody is one stage; flows of more would be passed one after the other.
 */
export class LogIn2015 {
  /** What each flow consists of. */
  readonly flows: readonly (readonly string[])[]
  readonly #logIn: LogIn
  readonly #uia: InteractiveAuth
  /** Each passed with the user id as its fact. */
  readonly #stages: readonly Stage[]

  constructor(logIn: LogIn, uia: InteractiveAuth, stages: readonly Stage[]) {
    this.#logIn = logIn
    this.#uia = uia
    this.#stages = stages
    this.flows = stages.map(({ type }) => [type])
  }

  /** `auth`: the request, with its `type` and `session`. */
  run(auth: JsonObject, session: Omit<SessionRequest, 'userId'>): Promise<UiaAnswer<JsonObject>> {
    return this.#uia.run(
      {
        operation: LOG_IN_2015,
        requester: undefined,
        flows: this.flows,
        stages: this.#stages,
        anyOrder: true,
        auth,
        ip: session.from.ip,
        body: {},
      },
      {
        perform: ({ facts }) => {
          const [userId] = facts.values()
          if (userId === undefined) throw new MatrixError('M_FORBIDDEN', 'Nobody was proved')
          return this.#logIn.asUser({ ...session, userId: userId as UserId })
        },
      },
    )
  }
}

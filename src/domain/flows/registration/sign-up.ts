import { isJsonObject, type JsonObject, MatrixError, stringAt, type UserId } from '#spec'
import type { Accounts } from '../../accounts/index.ts'
import type { BrowserSessions } from '../../browser-sessions/index.ts'
import type { SessionRequest } from '../../devices/index.ts'
import { dummyStage, type UiaChallenge } from '../../uia/index.ts'
import { EMAIL_STAGE } from '../stages/email-proof.ts'
import { OAUTH2_STAGE, SSO_STAGE } from '../stages/identity-stages.ts'
import { TOKEN_STAGE } from '../stages/password-and-token.ts'
import type { Register } from './register.ts'

/** The account that a person wants. */
export interface SignUpWish {
  readonly username: string
  readonly password: string
  /** Where registration needs one. */
  readonly token: string
  /** Whether an e-mail address goes with it. */
  readonly withEmail: boolean
}

export type SignUpStep =
  /** The next stage of the registration; `refusal`: why the last attempt failed. */
  | {
      readonly kind: 'stage'
      readonly session: string
      readonly type: string
      readonly params: JsonObject | undefined
      readonly refusal: string | undefined
    }
  | { readonly kind: 'done'; readonly userId: UserId; readonly setCookie: string }
  /** The account is made, and somebody has to approve it. */
  | { readonly kind: 'waits' }

export interface SignUpParts {
  readonly register: Pick<Register, 'user'>
  readonly accounts: Pick<Accounts, 'account'>
  readonly sessions: Pick<BrowserSessions, 'begin'>
}

interface Attempt {
  readonly auth: JsonObject | undefined
  readonly body: JsonObject
  readonly withEmail: boolean
  readonly from: SessionRequest['from']
}

/** Stages that have pages of their own, at a provider. */
const ELSEWHERE: readonly string[] = [OAUTH2_STAGE, SSO_STAGE]

/**
 * Registration on pages of this server: the stages that clients are asked for, one after the other. The account begins without a device, and the browser is
 * signed in to it.
 */
export class SignUp {
  readonly #parts: SignUpParts

  constructor(parts: SignUpParts) {
    this.#parts = parts
  }

  /** Throws what `Register.user` throws, and `M_UNAUTHORIZED` for a registration token that is not valid. */
  async begin({ username, password, token, withEmail }: SignUpWish, from: SessionRequest['from']): Promise<SignUpStep> {
    const body = { username, password, inhibit_login: true }
    const step = await this.#next({ auth: undefined, body, withEmail, from })
    if (step.kind !== 'stage' || step.type !== TOKEN_STAGE) return step
    const after = await this.attempt(step.session, { type: TOKEN_STAGE, token }, { withEmail, from })
    if (after.kind === 'stage' && after.refusal !== undefined) throw new MatrixError('M_UNAUTHORIZED', after.refusal)
    return after
  }

  /** Tries a stage. Throws what `Register.user` throws. */
  attempt(
    session: string,
    auth: JsonObject,
    how: { readonly withEmail: boolean; readonly from: SessionRequest['from'] },
  ): Promise<SignUpStep> {
    return this.#next({ ...how, auth: { ...auth, session }, body: {} })
  }

  async #next({ auth, body, withEmail, from }: Attempt): Promise<SignUpStep> {
    const { register, accounts, sessions } = this.#parts
    const answer = await orWaits(register.user({ body, auth, from }))
    if (answer.kind === 'waits') return answer
    if (answer.kind === 'done') {
      const userId = stringAt(answer.result, 'user_id') as UserId
      const account = await accounts.account(userId)
      if (account?.awaitsApproval === true) return { kind: 'waits' }
      return { kind: 'done', userId, ...(await sessions.begin(userId)) }
    }
    const { session, error, params } = answer.body
    const type = nextOf(answer.body, withEmail)
    if (type === dummyStage.type) return this.attempt(session, { type }, { withEmail, from })
    const own = isJsonObject(params) ? params[type] : undefined
    return { kind: 'stage', session, type, params: isJsonObject(own) ? own : undefined, refusal: error }
  }
}

/** The next stage of the flow that fits. */
const nextOf = ({ flows, completed }: UiaChallenge, withEmail: boolean): string => {
  const own = flows.map(({ stages }) => stages).filter((flow) => !flow.some((type) => ELSEWHERE.includes(type)))
  const flow = own.find((one) => one.includes(EMAIL_STAGE) === withEmail) ?? own[0] ?? []
  const type = flow.find((one) => !completed.includes(one))
  if (type === undefined) throw new MatrixError('M_FORBIDDEN', 'This registration has ended; begin again')
  return type
}

/** A registration whose account waits for approval is told so by an error. */
const orWaits = async <Answer>(answer: Promise<Answer>): Promise<Answer | { readonly kind: 'waits' }> => {
  try {
    return await answer
  } catch (error) {
    const waits = error instanceof MatrixError && error.errcode === 'ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL'
    if (waits) return { kind: 'waits' }
    throw error
  }
}

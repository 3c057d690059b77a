import type { Logger } from '#base'
import { ERROR_STATUS, type Errcode, type JsonObject, MatrixError, stringAt } from '#spec'

export const CHECKED_DEEDS = ['message', 'invite', 'join', 'room', 'registration', 'login', 'media', 'profile'] as const
export type CheckedDeed = (typeof CHECKED_DEEDS)[number]

export type HookAnswer =
  | { readonly kind: 'answered'; readonly body: JsonObject }
  | { readonly kind: 'failed'; readonly reason: string }

/** Asks the program that the operator set up. Never throws. */
export interface CheckHook {
  ask(deed: CheckedDeed, subject: JsonObject): Promise<HookAnswer>
}

export interface OperatorChecksParts {
  readonly hook: CheckHook
  readonly deeds: readonly CheckedDeed[]
  /** Whether what could not be checked is refused. */
  readonly failClosed: boolean
  readonly logger: Logger
}

const MAX_ERROR = 300

/**
 * Checks by a program of the operator: for each deed that is configured, it is asked whether it may be done, and told who wants to do what.
 * Deeds that are not configured cost nothing.
 */
export class OperatorChecks {
  readonly #parts: OperatorChecksParts

  constructor(parts: OperatorChecksParts) {
    this.#parts = parts
  }

  checks(deed: CheckedDeed): boolean {
    return this.#parts.deeds.includes(deed)
  }

  /** `shadow`: the deed is to look done to whoever does it. Throws what the program refuses, `M_FORBIDDEN` unless it says otherwise; 503 where it had to answer and did not. */
  async ask(deed: CheckedDeed, subject: () => JsonObject): Promise<'allow' | 'shadow'> {
    if (!this.checks(deed)) return 'allow'
    const { hook, failClosed, logger } = this.#parts
    const answer = await hook.ask(deed, subject())
    const action = answer.kind === 'answered' ? stringAt(answer.body, 'action') : undefined
    if (action === 'allow' || action === 'shadow') return action
    if (answer.kind === 'answered' && action === 'deny') throw refusal(answer.body)
    const reason = answer.kind === 'failed' ? answer.reason : 'its answer has no action that is known'
    logger.warn({ deed, reason, failClosed }, 'the hook that checks what people do gave no verdict')
    if (!failClosed) return 'allow'
    throw new MatrixError('M_UNKNOWN', 'This could not be checked; try again later', {
      status: 503,
      headers: { 'Retry-After': '5' },
    })
  }
}

const refusal = (body: JsonObject): MatrixError => {
  const named = stringAt(body, 'errcode') ?? 'M_FORBIDDEN'
  // One of the catalogue, and none that concerns the caller's session or this server.
  const status = Object.hasOwn(ERROR_STATUS, named) ? ERROR_STATUS[named as Errcode] : 0
  const errcode = status >= 400 && status < 500 && status !== 401 ? (named as Errcode) : 'M_FORBIDDEN'
  return new MatrixError(errcode, stringAt(body, 'error')?.slice(0, MAX_ERROR) ?? 'This server does not allow this')
}

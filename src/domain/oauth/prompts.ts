import { OAuthRefusal } from './refusal.ts'

/** The questions that a client wants people to be asked. */
export interface Prompts {
  /** Whether the person wants a new account. */
  readonly createsAccount: boolean
  /** Whether the person is asked for consent although they gave it for good before. */
  readonly asksAlways: boolean
  /** Whether nobody may be asked anything. */
  readonly silent: boolean
  /**
   * Unix time. Whoever proved who they are before that has to do it again. undefined: the client does not mind. It is fixed when a request
   * comes in, and carried from page to page: else a `max_age` of seconds would never be met.
   */
  readonly provenAfterMs: number | undefined
}

/** Seconds; ten years, more than any session lasts. */
const MAX_AGE = /^\d{1,9}$/
/** The parameter in which the bound is carried. It is ours alone: a client that sends it asks for what `max_age` asks. */
export const PROVEN_AFTER = 'proven_after'

const timeIn = (text: string | undefined, nowMs: number): number | undefined => {
  if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined
  const time = Number(text)
  // Nobody can have proved who they are after now.
  return time <= nowMs ? time : undefined
}

/**
 * Reads `prompt` and `max_age`. Throws `invalid_request`. The Matrix specification has `prompt=create` alone ("User registration"); the others are those of OpenID
 * Connect Core, section 3.1.2.1. There is no id token here, so no `auth_time` tells the client: a client that has to know asks for what it wants
 * and trusts this server. Values that are not known are dropped, as RFC 6749 section 3.1 has it for parameters.
 */
export const promptsIn = (parameters: ReadonlyMap<string, string>, nowMs: number): Prompts => {
  const prompts = new Set((parameters.get('prompt') ?? '').split(' ').filter((prompt) => prompt !== ''))
  const maxAge = parameters.get('max_age')
  if (maxAge !== undefined && !MAX_AGE.test(maxAge))
    throw new OAuthRefusal('invalid_request', 'max_age is a number of seconds')
  if (prompts.has('none') && prompts.size > 1)
    throw new OAuthRefusal('invalid_request', 'prompt=none goes with no other prompt')
  // Whoever chooses an account signs in to it.
  const signsIn = prompts.has('login') || prompts.has('select_account')
  const bounds = [
    timeIn(parameters.get(PROVEN_AFTER), nowMs),
    maxAge === undefined ? undefined : nowMs - Number(maxAge) * 1_000,
    signsIn ? nowMs : undefined,
  ].filter((bound) => bound !== undefined)
  return {
    createsAccount: prompts.has('create'),
    asksAlways: prompts.has('consent'),
    silent: prompts.has('none'),
    provenAfterMs: bounds.length === 0 ? undefined : Math.max(...bounds),
  }
}

import type { CustomReply } from '#http'
import { ACCOUNT_REGISTER_PAGE, ACCOUNT_SIGN_IN_PAGE } from '#pages'
import { seeOther } from '../account/index.ts'

export interface SignInWish {
  /** The path to which the browser comes back signed in. */
  readonly next: string
  /** Whether the person wants a new account. */
  readonly creates: boolean
  /** The owner of the account, as the app knows them. */
  readonly hint?: string | undefined
}

const MAX_HINT_LENGTH = 300

/** Sends a browser to the page that signs its person in. */
export const pageForPeople = ({ next, creates, hint }: SignInWish): CustomReply => {
  const known = hint === undefined ? {} : { login_hint: hint.slice(0, MAX_HINT_LENGTH) }
  const query = new URLSearchParams({ next, ...known })
  return seeOther(`${creates ? ACCOUNT_REGISTER_PAGE : ACCOUNT_SIGN_IN_PAGE}?${query.toString()}`)
}

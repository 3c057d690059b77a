import type { Change } from '../engine/change.ts'

/** What the rows of the table are for. A kind that is given up needs a migration that removes its rows. */
export const SHORT_LIVED_KINDS = [
  'login-token',
  'openid-token',
  'registration-nonce',
  'uia-session',
  'sign-in-authorization',
  'sign-in-begun',
  'sign-in-open-choice',
  'sign-in-shown-choice',
  'sign-in-ticket',
  'sign-in-pending',
  'sign-in-proof',
  'email-conversation',
  'email-turn',
  'media-turn',
  'profile-turn',
  'old-transaction',
] as const
export type ShortLivedKind = (typeof SHORT_LIVED_KINDS)[number]

export interface ShortLivedKey {
  readonly kind: ShortLivedKind
  /** Unique within the kind. A hash where the original is a secret of a client. */
  readonly key: string
}

export interface ShortLivedRow extends ShortLivedKey {
  /** The user, device or account that the row counts for; empty: nobody. */
  readonly owner: string
  readonly body: string
  /** Unix time. From then on the row counts as gone, whether or not it was removed. */
  readonly expiresAtMs: number
}

export interface ShortLivedReader {
  /** undefined: there is none, or it has expired. */
  find(key: ShortLivedKey, nowMs: number): Promise<ShortLivedRow | undefined>
}

/** Rows that something waits for, for minutes. Each can be taken once, also by two processes. */
export interface ShortLivedWriter {
  /** Replaces a row of the same key. Of an owner's rows of that kind those that expire first go, beyond `keep`; not for an empty owner. */
  put(row: ShortLivedRow, keep: number): Change<void>
  /** Answers whether it was added: false where a row of that key is there, and not expired. */
  add(row: ShortLivedRow, nowMs: number): Change<boolean>
  /** Answers whether it was replaced: only a row whose body is still `before`. */
  replace(row: ShortLivedRow, before: string): Change<boolean>
  /** Removes the row and answers it; undefined where there is none, or it has expired. */
  take(key: ShortLivedKey, nowMs: number): Change<ShortLivedRow | undefined>
  removeOwned(kind: ShortLivedKind, owner: string): Change<void>
  /** Of a kind's rows those that expire first go, beyond `keep`. */
  trim(kind: ShortLivedKind, keep: number): Change<void>
  /** Removes at most `limit` expired rows of a kind. Answers how many. */
  dropExpired(kind: ShortLivedKind, nowMs: number, limit: number): Change<number>
}

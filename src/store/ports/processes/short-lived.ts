import type { Change } from '../engine/change.ts'

/** The uses of the table. A kind that is given up needs a migration that removes its rows. */
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
  'sign-in-answer',
  'email-conversation',
  'email-turn',
  'media-turn',
  'profile-turn',
  'redaction-turn',
  'notice-turn',
  'old-transaction',
  'rendezvous',
  'sliding-checkpoint',
  'browser-session',
  'cross-signing-reset',
  'cross-signing-permission',
  'server-check',
  'oauth-code',
  'oauth-device-grant',
  'oauth-user-code',
  'oauth-consent',
] as const
export type ShortLivedKind = (typeof SHORT_LIVED_KINDS)[number]

export interface ShortLivedKey {
  readonly kind: ShortLivedKind
  /** Unique within the kind. `ShortLivedTable` passes a hash, as the original may be a client's secret. */
  readonly key: string
}

export interface ShortLivedRow extends ShortLivedKey {
  /** The user, device or account whose limit the row counts against; empty: none. */
  readonly owner: string
  readonly body: string
  /** Unix time. From then on the row counts as gone, even if it is still stored. */
  readonly expiresAtMs: number
}

export interface ShortLivedReader {
  /** undefined: no such row, or it has expired. */
  find(key: ShortLivedKey, nowMs: number): Promise<ShortLivedRow | undefined>
  /** The rows of an owner that have not expired, those that last longest first. */
  owned(
    kind: ShortLivedKind,
    owner: string,
    page: { readonly nowMs: number; readonly limit: number },
  ): Promise<readonly ShortLivedRow[]>
}

/** Rows that live for minutes. Each can be taken once, also with several processes. */
export interface ShortLivedWriter {
  /** Replaces a row of the same key. An owner with more than `keep` rows of the kind loses those that expire first; an empty owner has no limit. */
  put(row: ShortLivedRow, keep: number): Change<void>
  /** Returns whether the row was added; false: an unexpired row of that key exists. */
  add(row: ShortLivedRow, nowMs: number): Change<boolean>
  /** Replaces a row whose body is still `before`. Returns whether it did. */
  replace(row: ShortLivedRow, before: string): Change<boolean>
  /** Removes and returns the row; undefined: no such row, or it has expired. */
  take(key: ShortLivedKey, nowMs: number): Change<ShortLivedRow | undefined>
  removeOwned(kind: ShortLivedKind, owner: string): Change<void>
  /** Removes those rows of a kind that expire first, until `keep` are left. */
  trim(kind: ShortLivedKind, keep: number): Change<void>
  /** Removes at most `limit` expired rows of a kind. Returns how many. */
  dropExpired(kind: ShortLivedKind, nowMs: number, limit: number): Change<number>
}

import { hash } from 'node:crypto'
import type { Clock, Random } from '#base'
import type { NewTokenPair } from '#store'

export interface TokenLifetimes {
  /** The lifetime of the access token of a client that cannot refresh; undefined: unlimited. */
  readonly accessMs: number | undefined
  /** The lifetime of the access token of a client that can refresh. */
  readonly refreshableAccessMs: number | undefined
  /** The lifetime of the access token of an OAuth client. */
  readonly oauthAccessMs: number
  /** The lifetime of a refresh token that nobody uses. */
  readonly refreshMs: number | undefined
}

/** Tokens in the form for clients (client-server API, `/login`, `/register` and `/refresh`). */
export interface IssuedTokens {
  readonly access_token: string
  readonly refresh_token?: string
  readonly expires_in_ms?: number
}

/** 43 letters and digits: 256 bits. The prefix lets scanners of public code recognise a token. */
const ACCESS_PREFIX = 'hra_'
const REFRESH_PREFIX = 'hrr_'
const RANDOM_LENGTH = 43
const SHAPE = /^hr[ar]_[A-Za-z0-9]{43}$/

export const hashToken = (token: string): string => hash('sha256', token, 'hex')

/** Whether this server could have issued the token; others are refused without a query. */
export const looksIssued = (token: string): boolean => SHAPE.test(token)

/** The API by which a session began, and whether its client can refresh. An OAuth client always can. */
export type SessionKind = 'plain' | 'refreshable' | 'oauth'

const accessLifetime = (lifetimes: TokenLifetimes, kind: SessionKind): number | undefined => {
  switch (kind) {
    case 'plain':
      return lifetimes.accessMs
    case 'refreshable':
      return lifetimes.refreshableAccessMs
    case 'oauth':
      return lifetimes.oauthAccessMs
  }
}

export const issueTokens = (
  random: Random,
  clock: Clock,
  lifetimes: TokenLifetimes,
  kind: SessionKind,
): { readonly issued: IssuedTokens; readonly stored: NewTokenPair } => {
  const accessToken = ACCESS_PREFIX + random.token(RANDOM_LENGTH)
  const refreshToken = kind !== 'plain' ? REFRESH_PREFIX + random.token(RANDOM_LENGTH) : undefined
  const lifetimeMs = accessLifetime(lifetimes, kind)
  const until = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : clock.nowMs() + ms)
  return {
    issued: {
      access_token: accessToken,
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      ...(lifetimeMs === undefined ? {} : { expires_in_ms: lifetimeMs }),
    },
    stored: {
      accessHash: hashToken(accessToken),
      accessExpiresAtMs: until(lifetimeMs),
      refreshHash: refreshToken === undefined ? undefined : hashToken(refreshToken),
      refreshExpiresAtMs: refreshToken === undefined ? undefined : until(lifetimes.refreshMs),
    },
  }
}

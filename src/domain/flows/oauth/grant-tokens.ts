import { type DeviceId, MatrixError, type UserId } from '#spec'
import { type Commit, type TokenNumber, WriteConflict } from '#store'
import type { IssuedTokens, SessionRequest, Sessions } from '../../devices/index.ts'
import {
  type AuthorizationCodes,
  CODE_GRANT,
  type CodeUse,
  DEVICE_GRANT,
  type DeviceGrants,
  type GrantedScope,
  type OAuthClient,
  type OAuthClients,
  OAuthRefusal,
  scopeOf,
} from '../../oauth/index.ts'
import type { EndSessions } from '../sessions/end-sessions.ts'

/** RFC 6749, section 5.1. */
export interface TokenAnswer {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly refresh_token?: string
  /** Seconds. */
  readonly expires_in?: number
  readonly scope: string
}

export interface GrantTokensParts {
  readonly clients: OAuthClients
  readonly codes: AuthorizationCodes
  readonly deviceGrants: DeviceGrants
  readonly sessions: Sessions
  readonly endSessions: EndSessions
  readonly commit: Commit
}

type From = SessionRequest['from']

/** Gives OAuth clients their tokens, which are those of ordinary sessions. Client-server API, "Grant types" and "Token revocation". */
export class GrantTokens {
  readonly #parts: GrantTokensParts

  constructor(parts: GrantTokensParts) {
    this.#parts = parts
  }

  /** Throws `OAuthRefusal`. */
  async byCode(use: CodeUse, from: From): Promise<TokenAnswer> {
    const client = await this.#clientFor(use.clientId, CODE_GRANT)
    const { codes, sessions } = this.#parts
    const granted = await codes.use(use)
    if ('replayed' in granted) {
      await sessions.voidSession(granted.replayed, client.clientId)
      throw replayedCode()
    }
    const { answer, token } = await this.#begin(client, granted, granted.userId, from)
    if (await codes.began(use.code, token)) return answer
    await sessions.voidSession(token, client.clientId)
    throw replayedCode()
  }

  /** Throws `OAuthRefusal`. */
  async byDeviceCode(clientId: string, deviceCode: string, from: From): Promise<TokenAnswer> {
    const client = await this.#clientFor(clientId, DEVICE_GRANT)
    const granted = await this.#parts.deviceGrants.ask(client.clientId, deviceCode)
    return (await this.#begin(client, granted, granted.userId, from)).answer
  }

  /** Throws `OAuthRefusal`. A refresh token is given with every grant, so every client may use one. */
  async byRefreshToken(clientId: string, refreshToken: string): Promise<TokenAnswer> {
    const client = await this.#clientFor(clientId)
    try {
      const { issued, deviceId, admin } = await this.#parts.sessions.refreshFor(client.clientId, refreshToken)
      return answerOf(issued, scopeOf(deviceId, admin))
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      throw new OAuthRefusal('invalid_grant', error.message)
    }
  }

  /** Ends the session of a token, whoever asks: who finds a token may void it. Unknown tokens are void already. */
  async revoke(token: string): Promise<void> {
    const session = await this.#parts.sessions.sessionOf(token)
    if (session !== undefined) await this.#parts.endSessions.logOut(session.userId, session.deviceId)
  }

  async #clientFor(clientId: string, grant?: string): Promise<OAuthClient> {
    const client = await this.#parts.clients.client(clientId)
    if (client === undefined) throw new OAuthRefusal('invalid_client', 'The client is unknown: register it again')
    if (grant !== undefined && !client.metadata.grant_types.includes(grant))
      throw new OAuthRefusal('unauthorized_client', 'The client did not register for this grant')
    return client
  }

  async #begin(
    client: OAuthClient,
    { deviceId, scope, admin }: GrantedScope,
    userId: UserId,
    from: From,
  ): Promise<{ readonly answer: TokenAnswer; readonly token: TokenNumber }> {
    const { sessions, commit } = this.#parts
    const session = sessions.prepare({
      ...{ userId, deviceId, from },
      displayName: client.metadata.client_name ?? new URL(client.metadata.client_uri).host,
      refreshable: true,
      oauthClient: client.clientId,
      administers: admin,
    })
    try {
      const [{ token }] = await commit([session.change] as const)
      return { answer: answerOf(session.answer, scope), token }
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      throw new OAuthRefusal('invalid_grant', NO_SESSION[error.kind] ?? 'The account may not sign in now')
    }
  }
}

const NO_SESSION: Readonly<Record<string, string>> = {
  'account-gone': 'The account has been deactivated',
  'account-locked': 'The account is locked',
  'device-id-is-key': 'One of your cross-signing keys has the name of that device',
  'too-many-devices': 'The account has as many devices as it may have: log out on some of them first',
}

const answerOf = (issued: IssuedTokens & { readonly device_id?: DeviceId }, scope: string): TokenAnswer => ({
  access_token: issued.access_token,
  token_type: 'Bearer',
  ...(issued.refresh_token === undefined ? {} : { refresh_token: issued.refresh_token }),
  ...(issued.expires_in_ms === undefined ? {} : { expires_in: Math.floor(issued.expires_in_ms / 1_000) }),
  scope,
})

const replayedCode = (): OAuthRefusal => new OAuthRefusal('invalid_grant', 'The code was used before')

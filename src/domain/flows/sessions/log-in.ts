import {
  type DeviceId,
  type JsonObject,
  MatrixError,
  type ServerName,
  type UserId,
  userAwaitsApproval,
  userLocked,
} from '#spec'
import { type Change, type Commit, WriteConflict } from '#store'
import type { AccountIdentifier, Accounts } from '../../accounts/index.ts'
import type { PreparedSession, SessionRequest, Sessions } from '../../devices/index.ts'

export interface LogInParts {
  readonly accounts: Accounts
  readonly sessions: Sessions
  readonly commit: Commit
  readonly serverName: ServerName
  /** The content of `/.well-known/matrix/client`, where the operator set it. */
  readonly wellKnown: JsonObject | undefined
  /** Throws where a check of the operator refuses the login. undefined: none is made. */
  readonly check?: ((userId: UserId, from: SessionRequest['from']) => Promise<void>) | undefined
  /** Whether the person gets a mail once an administrator has approved the account. */
  toldOfApproval(userId: UserId): Promise<boolean>
}

export interface PasswordLogin {
  readonly identifier: AccountIdentifier
  readonly password: string
  readonly deviceId: DeviceId | undefined
  readonly displayName: string | undefined
  readonly refreshable: boolean
  readonly from: SessionRequest['from']
}

/** `POST /login`. Client-server API, "Login". */
export class LogIn {
  readonly #parts: LogInParts

  constructor(parts: LogInParts) {
    this.#parts = parts
  }

  /** Throws what `Accounts.authenticate` throws. */
  async withPassword(login: PasswordLogin): Promise<JsonObject> {
    const account = await this.#parts.accounts.authenticate(login.identifier, login.password, login.from)
    const rehash = await this.#parts.accounts.refreshedHash(account, login.password)
    const { deviceId, displayName, refreshable, from } = login
    return this.asUser({ userId: account.userId, deviceId, displayName, refreshable, from }, rehash)
  }

  /** The whole answer for somebody who has proved to be that user: by a login token, at a provider. Throws what `start` throws. */
  async asUser(request: SessionRequest, rehash?: Change<void>): Promise<JsonObject> {
    const answer = await this.start(request, rehash)
    const { serverName, wellKnown } = this.#parts
    return {
      user_id: request.userId,
      home_server: serverName,
      ...answer,
      ...(wellKnown === undefined ? {} : { well_known: wellKnown }),
    }
  }

  /** For somebody who has proved to be that user. Throws `M_USER_LOCKED`, the error of MSC3866 for one who waits for approval, `M_USER_LIMIT_EXCEEDED` for one who has too many devices, and `M_USER_DEACTIVATED` where the account ended meanwhile. */
  async start(request: SessionRequest, rehash?: Change<void>): Promise<PreparedSession['answer']> {
    await this.#parts.check?.(request.userId, request.from)
    const session = this.#parts.sessions.prepare(request)
    try {
      await this.#parts.commit([session.change, ...(rehash === undefined ? [] : [rehash])])
      return session.answer
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      if (error.kind === 'account-locked') throw userLocked()
      if (error.kind === 'account-awaits-approval')
        throw userAwaitsApproval(await this.#parts.toldOfApproval(request.userId))
      if (error.kind === 'account-gone')
        throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
      if (error.kind === 'device-id-is-key')
        throw new MatrixError(
          'M_INVALID_PARAM',
          'One of your cross-signing keys has that name: choose another device id',
        )
      if (error.kind === 'too-many-devices')
        throw new MatrixError(
          'M_USER_LIMIT_EXCEEDED',
          'You have as many devices as you may have: log out on some of them first',
        )
      // The password was changed between the check and the commit, so it was the old one.
      throw new MatrixError('M_FORBIDDEN', 'Wrong user name or password')
    }
  }
}

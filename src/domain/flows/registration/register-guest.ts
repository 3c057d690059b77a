import { type JsonObject, MatrixError, type ServerName } from '#spec'
import type { SessionRequest } from '../../devices/index.ts'
import type { Admission } from './admission.ts'
import type { CreateAccount } from './create-account.ts'
import type { NewUserIds } from './new-user-ids.ts'

export interface RegisterGuestParts {
  readonly allowed: boolean
  readonly newUserIds: NewUserIds
  readonly createAccount: CreateAccount
  readonly serverName: ServerName
  readonly admission: Pick<Admission, 'admit'>
}

/** `POST /register?kind=guest`. Client-server API, module "Guest Access". */
export class RegisterGuest {
  readonly #parts: RegisterGuestParts

  constructor(parts: RegisterGuestParts) {
    this.#parts = parts
  }

  /** Guests have no name of their own choice, no password, and a device that the server picks. Throws `M_FORBIDDEN`. */
  async run(displayName: string | undefined, from: SessionRequest['from']): Promise<JsonObject> {
    const { allowed, newUserIds, createAccount, serverName, admission } = this.#parts
    if (!allowed) throw new MatrixError('M_FORBIDDEN', 'This server gives out no guest accounts')
    return newUserIds.withRandom(async (userId) => {
      await admission.admit({ userId, from, way: 'guest' })
      const session = { deviceId: undefined, displayName, refreshable: false, from }
      const answer = await createAccount.run({ userId, passwordHash: undefined, guest: true, session })
      return { user_id: userId, home_server: serverName, ...answer }
    })
  }
}

import { type JsonObject, MatrixError, type ServerName, type UserId } from '#spec'
import type { AccountIdentifier, Accounts } from '../../accounts/index.ts'
import type { ApplicationService, AppServices } from '../../appservices/index.ts'
import type { SessionRequest } from '../../devices/index.ts'
import type { CreateAccount } from '../registration/create-account.ts'
import type { LogIn } from '../sessions/log-in.ts'

export interface ServiceAccountsParts {
  readonly services: AppServices
  readonly accounts: Accounts
  readonly createAccount: CreateAccount
  readonly logIn: LogIn
  readonly serverName: ServerName
}

/** Accounts that application services make and log in to (application service API, "Server admin style permissions"). */
export class ServiceAccounts {
  readonly #parts: ServiceAccountsParts

  constructor(parts: ServiceAccountsParts) {
    this.#parts = parts
  }

  /** The service with that id. Throws `M_FORBIDDEN`. */
  service(id: string | undefined): ApplicationService {
    const service = id === undefined ? undefined : this.#parts.services.byId(id)
    if (service === undefined) throw new MatrixError('M_FORBIDDEN', 'Only application services can do this')
    return service
  }

  /** Whether a service asks for a user whom it has for itself alone. */
  isOwn({ userId, service }: { readonly userId: UserId; readonly service?: string }): boolean {
    return service !== undefined && this.#parts.services.byId(service)?.owns(userId) === true
  }

  get anyService(): boolean {
    return this.#parts.services.all().length > 0
  }

  /** Makes an account without a password. `session`: undefined for none. Throws `M_EXCLUSIVE`, `M_INVALID_USERNAME`, `M_USER_IN_USE`. */
  async register(
    service: ApplicationService,
    username: string,
    session: Omit<SessionRequest, 'userId'> | undefined,
  ): Promise<JsonObject> {
    const { accounts, createAccount, serverName } = this.#parts
    const userId = accounts.newUserId(username)
    this.#assertIn(service, userId)
    await accounts.assertFree(userId)
    const answer = await createAccount.run({
      ...{ userId, passwordHash: undefined },
      session: session === undefined ? undefined : { ...session, ...rightOf(service, userId) },
    })
    return { user_id: userId, home_server: serverName, ...answer }
  }

  /** Throws `M_EXCLUSIVE` for a user whom the service may not be, `M_FORBIDDEN` for one without an account, and what `LogIn.start` throws. */
  async logIn(
    service: ApplicationService,
    identifier: AccountIdentifier,
    session: Omit<SessionRequest, 'userId'>,
  ): Promise<JsonObject> {
    const found = await this.#parts.accounts.resolve(identifier)
    if (found === undefined) throw exclusive()
    this.#assertIn(service, found.userId)
    if (found.account === undefined)
      throw new MatrixError('M_FORBIDDEN', 'The application service has not registered that user')
    return this.#parts.logIn.asUser({ userId: found.userId, ...session, ...rightOf(service, found.userId) })
  }

  /** Makes the users that services are by themselves, where they are not there yet. */
  async makeSenders(): Promise<void> {
    const { services, accounts, createAccount } = this.#parts
    for (const { sender: userId } of services.all()) {
      if ((await accounts.account(userId)) !== undefined) continue
      try {
        await createAccount.run({ userId, passwordHash: undefined, session: undefined })
      } catch (error) {
        if (!(error instanceof MatrixError) || error.errcode !== 'M_USER_IN_USE') throw error
      }
    }
  }

  #assertIn(service: ApplicationService, userId: UserId): void {
    const owner = this.#parts.services.exclusiveOwner(userId)
    if (!service.hasUser(userId) || (owner !== undefined && owner.id !== service.id)) throw exclusive()
  }
}

/** A service that may be anybody, so as to speak for people in their rooms, does not administer the server by a session either. */
const rightOf = (service: ApplicationService, userId: UserId): Pick<SessionRequest, 'administers'> =>
  service.owns(userId) ? {} : { administers: false }

const exclusive = (): MatrixError =>
  new MatrixError('M_EXCLUSIVE', 'That user is not in a namespace of the application service')

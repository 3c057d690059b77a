import { isJsonObject, type JsonObject, MatrixError, stringAt } from '#spec'
import type { Commit } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import { type BindOutcome, type ThirdPartyIdHolder, type ThirdPartyIds, thirdPartyIdOf } from '../../threepids/index.ts'
import type { InteractiveAuth, UiaAnswer } from '../../uia/index.ts'
import {
  authFailed,
  credentialsIn,
  type EmailProof,
  identityServerFailure,
  notAdded,
  type ThreepidCredentials,
} from '../stages/email-proof.ts'
import type { Reauthentication } from '../stages/reauthentication.ts'

/** An address as a client names it, and the identity server where it does. */
export interface NamedThirdPartyId {
  readonly medium: string
  readonly address: string
  readonly idServer: string | undefined
}

export interface ManageThirdPartyIdsParts {
  readonly accounts: Pick<Accounts, 'account'>
  readonly threepids: ThirdPartyIds
  readonly proof: EmailProof
  readonly reauthentication: Reauthentication
  readonly uia: InteractiveAuth
  readonly commit: Commit
}

/** Client-server API, "Adding Account Administrative Contact Information". */
export class ManageThirdPartyIds {
  readonly #parts: ManageThirdPartyIdsParts

  constructor(parts: ManageThirdPartyIdsParts) {
    this.#parts = parts
  }

  /** `GET /account/3pid`. */
  async list({ user }: ThirdPartyIdHolder): Promise<JsonObject> {
    const held = await this.#parts.threepids.ofUser(user)
    return {
      threepids: held.map(({ medium, address, validatedAtMs, addedAtMs }) => ({
        medium,
        address,
        validated_at: validatedAtMs,
        added_at: addedAtMs,
      })),
    }
  }

  /** `POST /account/3pid/add`. An address that was not confirmed is refused before anybody asks for a password. */
  async addConfirmed(
    holder: ThirdPartyIdHolder,
    body: JsonObject,
    auth: JsonObject | undefined,
  ): Promise<UiaAnswer<void>> {
    const creds = (from: JsonObject): ThreepidCredentials => ({
      ...credentialsIn(from, 'The body'),
      idServer: undefined,
    })
    return this.#parts.uia.run(
      {
        operation: 'POST /account/3pid/add',
        requester: holder.userId,
        ...(await this.#parts.reauthentication.offerFor(holder.userId)),
        auth,
        body,
      },
      {
        check: async (counting) => {
          await this.#proven(creds(counting))
        },
        perform: (granted) => this.add(holder, creds(granted.body)),
      },
    )
  }

  /** Throws `M_THREEPID_AUTH_FAILED`, `M_THREEPID_IN_USE`, `M_THREEPID_DENIED`, `M_SERVER_NOT_TRUSTED`. */
  async add({ userId }: ThirdPartyIdHolder, creds: ThreepidCredentials): Promise<void> {
    const proven = await this.#proven(creds)
    try {
      await this.#parts.commit(this.#parts.proof.added(userId, proven))
    } catch (error) {
      throw notAdded(error)
    }
  }

  /**
   * `POST /account/3pid`, deprecated: adds; and publishes at the identity server where a client of old asks for that. As it asks for no proof of who somebody
   * is, and a password can be set by an address, it adds none to an administrator for whoever may not administer, such as a bridge. Throws `M_FORBIDDEN`.
   */
  async addAndBind(
    holder: ThirdPartyIdHolder & { readonly admin: boolean },
    threepidCreds: unknown,
    bind: boolean,
  ): Promise<void> {
    if (!holder.admin && (await this.#parts.accounts.account(holder.userId))?.admin === true)
      throw new MatrixError('M_FORBIDDEN', 'Administrators add addresses where they are asked for a password')
    const creds = credentialsIn(threepidCreds, 'three_pid_creds')
    const { idServer } = creds
    if (bind && idServer === undefined) throw new MatrixError('M_MISSING_PARAM', 'id_server is missing')
    await this.add(holder, creds)
    if (bind && idServer !== undefined) {
      await this.bind(holder, { ...creds, idServer, accessToken: accessTokenIn(threepidCreds) })
    }
  }

  /** `POST /account/3pid/bind`. Throws what the identity server has against it, and `M_SERVER_NOT_TRUSTED`. */
  async bind(
    holder: ThirdPartyIdHolder,
    creds: { idServer: string; accessToken: string | undefined; sid: string; clientSecret: string },
  ): Promise<void> {
    const failure = bindFailure(await this.#parts.threepids.bind(holder, creds))
    if (failure !== undefined) throw failure
  }

  /** `POST /account/3pid/delete` */
  async remove(holder: ThirdPartyIdHolder, named: NamedThirdPartyId): Promise<JsonObject> {
    const threepid = thirdPartyIdOf(named.medium, named.address)
    if (threepid === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no address of that medium')
    return { id_server_unbind_result: await this.#parts.threepids.remove(holder, threepid, named.idServer) }
  }

  /** `POST /account/3pid/unbind` */
  async unbind(holder: ThirdPartyIdHolder, named: NamedThirdPartyId): Promise<JsonObject> {
    const threepid = thirdPartyIdOf(named.medium, named.address)
    if (threepid === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no address of that medium')
    return { id_server_unbind_result: await this.#parts.threepids.unbind(holder, threepid, named.idServer) }
  }

  async #proven(creds: ThreepidCredentials) {
    const outcome = await this.#parts.proof.prove(creds, 'add')
    if (outcome.kind === 'proven') return outcome.proven
    switch (outcome.errcode) {
      case 'M_UNAUTHORIZED':
        throw authFailed(outcome.error)
      case 'M_UNKNOWN':
        throw new MatrixError('M_UNKNOWN', outcome.error, { status: 502 })
      case 'M_SERVER_NOT_TRUSTED':
      case 'M_THREEPID_DENIED':
        throw new MatrixError(outcome.errcode, outcome.error)
    }
  }
}

const bindFailure = (outcome: BindOutcome): MatrixError | undefined => {
  switch (outcome.kind) {
    case 'bound':
      return undefined
    case 'unvalidated':
      return authFailed('The address was not confirmed at that identity server')
    default:
      return identityServerFailure(outcome)
  }
}

const accessTokenIn = (creds: unknown): string | undefined =>
  isJsonObject(creds) ? stringAt(creds, 'id_access_token') : undefined

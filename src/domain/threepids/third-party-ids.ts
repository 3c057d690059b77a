import type { Clock } from '#base'
import type { UserId } from '#spec'
import type {
  Change,
  Commit,
  IdentityBinding,
  ThirdPartyIdRecord,
  ThirdPartyIdsReader,
  ThirdPartyIdsWriter,
} from '#store'
import { type Medium, type ThirdPartyId, thirdPartyIdOf } from './addresses.ts'
import type { BindOutcome, IdentityServerBindings, UnbindOutcome } from './identity-servers.ts'

export interface ThirdPartyIdsStore {
  readonly reader: ThirdPartyIdsReader
  readonly writer: ThirdPartyIdsWriter
  readonly commit: Commit
}

/** An account, by both of its names. */
export interface ThirdPartyIdHolder {
  readonly user: number
  readonly userId: UserId
}

export interface ProvenThirdPartyId extends ThirdPartyId {
  readonly validatedAtMs: number
}

/** More than any person has, so that no account can fill the table. */
const MOST_OF_ONE = 50

/** The owner of an address, which may be in any form. */
export const ownerIn = async (
  reader: ThirdPartyIdsReader,
  medium: string,
  address: string,
): Promise<UserId | undefined> => {
  const threepid = thirdPartyIdOf(medium, address)
  return threepid === undefined ? undefined : (await reader.thirdPartyId(threepid))?.userId
}

export interface ThirdPartyIdsParts {
  readonly store: ThirdPartyIdsStore
  readonly identityServers: IdentityServerBindings
  readonly clock: Clock
}

/** The addresses of accounts here, and their bindings at identity servers. */
export class ThirdPartyIds {
  readonly #parts: ThirdPartyIdsParts

  constructor(parts: ThirdPartyIdsParts) {
    this.#parts = parts
  }

  /** Oldest first. */
  ofUser(user: number): Promise<readonly ThirdPartyIdRecord[]> {
    return this.#parts.store.reader.ofUser(user)
  }

  /** The owner; the address may be in any form. */
  owner(medium: string, address: string): Promise<UserId | undefined> {
    return ownerIn(this.#parts.store.reader, medium, address)
  }

  /** Conflicts: `threepid-in-use`, `too-many-threepids`, `account-gone`. */
  add(userId: UserId, { medium, address, validatedAtMs }: ProvenThirdPartyId): Change<void> {
    const addedAtMs = this.#parts.clock.nowMs()
    return this.#parts.store.writer.add(userId, { medium, address, validatedAtMs, addedAtMs }, MOST_OF_ONE)
  }

  /** `POST /account/3pid/delete`. Removes the address from the account at once, then from identity servers if they do it. */
  async remove(
    holder: ThirdPartyIdHolder,
    threepid: ThirdPartyId,
    idServer: string | undefined,
  ): Promise<UnbindOutcome> {
    await this.#parts.store.commit([this.#parts.store.writer.remove(holder.user, threepid)])
    return this.unbind(holder, threepid, idServer)
  }

  /** `POST /account/3pid/bind`. The binding is stored, so that it can be withdrawn. */
  async bind(
    { user, userId }: ThirdPartyIdHolder,
    creds: { idServer: string; accessToken: string | undefined; sid: string; clientSecret: string },
  ): Promise<BindOutcome> {
    const outcome = await this.#parts.identityServers.bind({ ...creds, userId })
    if (outcome.kind === 'bound') {
      const binding = { ...outcome.threepid, idServer: creds.idServer }
      await this.#parts.store.commit([this.#parts.store.writer.addBinding(user, binding)])
    }
    return outcome
  }

  /** `POST /account/3pid/unbind`. Without a named identity server, from all to which this homeserver published it. */
  async unbind(
    holder: ThirdPartyIdHolder,
    { medium, address }: ThirdPartyId,
    idServer: string | undefined,
  ): Promise<UnbindOutcome> {
    const known = await this.#parts.store.reader.bindingsOf(holder.user)
    const own = known.filter((binding) => binding.medium === medium && binding.address === address)
    const asked = idServer === undefined ? own : [{ medium, address, idServer }]
    return asked.length === 0 ? 'no-support' : this.#unbindAll(holder, asked)
  }

  /** Withdraws all bindings of an account that is deactivated. `success` if there were none. */
  async unbindEverything(holder: ThirdPartyIdHolder, idServer: string | undefined): Promise<UnbindOutcome> {
    const known = await this.#parts.store.reader.bindingsOf(holder.user)
    const held = idServer === undefined ? [] : await this.ofUser(holder.user)
    const asked =
      idServer === undefined ? known : [...known, ...held].map(({ medium, address }) => ({ medium, address, idServer }))
    return this.#unbindAll(holder, distinct(asked))
  }

  async #unbindAll({ user, userId }: ThirdPartyIdHolder, bindings: readonly IdentityBinding[]): Promise<UnbindOutcome> {
    const outcomes = await Promise.all(
      bindings.map(async (binding) => {
        const { address, idServer } = binding
        const threepid = { medium: binding.medium as Medium, address }
        const outcome = await this.#parts.identityServers.unbind({ idServer, threepid, userId })
        if (outcome === 'success')
          await this.#parts.store.commit([this.#parts.store.writer.removeBinding(user, binding)])
        return outcome
      }),
    )
    return outcomes.every((outcome) => outcome === 'success') ? 'success' : 'no-support'
  }
}

const distinct = (bindings: readonly IdentityBinding[]): readonly IdentityBinding[] => [
  ...new Map(bindings.map((binding) => [JSON.stringify(Object.values(binding)), binding])).values(),
]

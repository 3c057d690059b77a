import type { Clock } from '#base'
import { MatrixError } from '#spec'
import { type AccountRecord, type Commit, type ExternalIdentity, WriteConflict } from '#store'
import { mindUserType } from '../../accounts/index.ts'
import type { AdminActor, AuditLog } from '../../admin/index.ts'
import type { ExternalIdentities } from '../../sign-in/index.ts'
import { type ThirdPartyId, type ThirdPartyIds, thirdPartyIdOf } from '../../threepids/index.ts'
import type { SetProfile } from '../account/set-profile.ts'
import { notAdded } from '../stages/email-proof.ts'
import type { AdministerPeople } from './people.ts'

export interface GivenAddress {
  readonly medium: string
  readonly address: string
}

/** A person at a provider. */
type GivenIdentity = Pick<ExternalIdentity, 'provider' | 'subject'>

/** Members that are absent stay as they are. */
export interface PersonChanges {
  readonly password?: string | undefined
  readonly keepSessions?: boolean
  /** Empty: none. */
  readonly displayName?: string | undefined
  readonly avatarUrl?: string | undefined
  /** Take the place of all that there are. */
  readonly addresses?: readonly GivenAddress[] | undefined
  readonly identities?: readonly GivenIdentity[] | undefined
  readonly admin?: boolean | undefined
  readonly deactivated?: boolean | undefined
  readonly locked?: boolean | undefined
  readonly suspended?: boolean | undefined
  /** null: an ordinary person. */
  readonly userType?: string | null | undefined
}

export interface ModifyPersonParts {
  readonly people: AdministerPeople
  readonly profiles: Pick<SetProfile, 'set'>
  readonly threepids: ThirdPartyIds
  readonly identities: ExternalIdentities
  readonly auditLog: AuditLog
  readonly commit: Commit
  readonly clock: Clock
}

/** Changes several things of an account, one after the other, each with its note in the audit log. */
export class ModifyPerson {
  readonly #parts: ModifyPersonParts

  constructor(parts: ModifyPersonParts) {
    this.#parts = parts
  }

  /**
   * Throws, before anything is changed, what `check` throws. Then, as far as they came, what the single deeds throw, `M_THREEPID_IN_USE`, and `M_UNKNOWN` (409) for an identity of another account.
   */
  async run(actor: AdminActor, before: AccountRecord, changes: PersonChanges): Promise<void> {
    this.check(changes)
    const { account, reopened } = await this.#opened(actor, before, changes)
    if (account.deactivatedAtMs !== undefined) return
    await this.#profile(actor, account, changes)
    if (changes.addresses !== undefined) await this.#addresses(actor, account, changes.addresses.map(canonical))
    if (changes.identities !== undefined) await this.#identities(actor, account, changes.identities)
    await this.#standing(actor, account, reopened ? { ...changes, password: undefined } : changes)
    if (changes.deactivated === true) await this.#parts.people.deactivate(actor, account, false)
  }

  /** Throws `M_INVALID_PARAM` for addresses that are none, for a type that there is not, and for changes that do not go together. */
  check({ addresses, deactivated, locked, userType }: PersonChanges): void {
    for (const address of addresses ?? []) canonical(address)
    mindUserType(userType ?? undefined)
    if (deactivated === true && locked === true)
      throw new MatrixError('M_INVALID_PARAM', 'An account cannot be deactivated and locked at once')
  }

  /** A deactivated account is changed in nothing but that, so that nothing is kept of it unseen. */
  async #opened(
    actor: AdminActor,
    account: AccountRecord,
    { deactivated, password }: PersonChanges,
  ): Promise<{ readonly account: AccountRecord; readonly reopened: boolean }> {
    const { people } = this.#parts
    if (account.deactivatedAtMs === undefined || deactivated === true) return { account, reopened: false }
    if (deactivated === undefined) throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    await people.reactivate(actor, account, password)
    return { account: await people.account(account.userId), reopened: true }
  }

  async #profile(actor: AdminActor, account: AccountRecord, { displayName, avatarUrl }: PersonChanges): Promise<void> {
    const { profiles, auditLog } = this.#parts
    const fields = { displayname: displayName, avatar_url: avatarUrl }
    for (const [key, value] of Object.entries(fields)) {
      if (value === undefined) continue
      await profiles.set(account, key, value)
      const details = { [key]: value }
      await auditLog.record({ ...actor, action: 'user.set_profile', subject: account.userId, details })
    }
  }

  async #addresses(actor: AdminActor, account: AccountRecord, wanted: readonly ThirdPartyId[]): Promise<void> {
    const { threepids, auditLog, commit, clock } = this.#parts
    const had = await threepids.ofUser(account.user)
    const isIn = (list: readonly GivenAddress[], { medium, address }: GivenAddress): boolean =>
      list.some((one) => one.medium === medium && one.address === address)
    const added = wanted.filter((one) => !isIn(had, one))
    const gone = had.filter((one) => !isIn(wanted, one))
    if (added.length === 0 && gone.length === 0) return
    const shown = (list: readonly GivenAddress[]) => list.map(({ medium, address }) => ({ medium, address }))
    const details = { added: shown(added), removed: shown(gone) }
    const validatedAtMs = clock.nowMs()
    try {
      await commit([
        ...added.map((one) => threepids.add(account.userId, { ...one, validatedAtMs })),
        auditLog.note({ ...actor, action: 'user.set_addresses', subject: account.userId, details }),
      ])
    } catch (error) {
      throw notAdded(error)
    }
    for (const one of gone) await threepids.remove(account, canonical(one), undefined)
  }

  async #identities(actor: AdminActor, { userId }: AccountRecord, wanted: readonly GivenIdentity[]): Promise<void> {
    const { identities, auditLog, commit } = this.#parts
    const details = { identities: wanted.map(({ provider, subject }) => ({ provider, subject })) }
    try {
      await commit([
        identities.keepOnly(userId, wanted),
        ...wanted.map(({ provider: providerId, subject }) => identities.link({ providerId, subject }, userId)),
        auditLog.note({ ...actor, action: 'user.set_identities', subject: userId, details }),
      ])
    } catch (error) {
      if (!(error instanceof WriteConflict) || error.kind !== 'identity-linked') throw error
      throw new MatrixError('M_UNKNOWN', 'One of these identities belongs to another account', { status: 409 })
    }
  }

  async #standing(actor: AdminActor, account: AccountRecord, changes: PersonChanges): Promise<void> {
    const { people } = this.#parts
    const { admin, password, keepSessions = false, locked, suspended, userType } = changes
    if (admin !== undefined && admin !== account.admin) await people.setAdmin(actor, account, admin)
    if (password !== undefined) await people.setPassword(actor, account, password, keepSessions)
    if (locked !== undefined && locked !== (account.lockedAtMs !== undefined))
      await people.setLocked(actor, account, locked)
    if (suspended !== undefined && suspended !== (account.suspendedAtMs !== undefined))
      await people.setSuspended(actor, account, suspended)
    if (userType !== undefined && (userType ?? undefined) !== account.userType)
      await people.setType(actor, account, userType ?? undefined)
  }
}

/** Throws `M_INVALID_PARAM` for text that is no address. */
const canonical = ({ medium, address }: GivenAddress): ThirdPartyId => {
  const found = thirdPartyIdOf(medium, address)
  if (found === undefined) throw new MatrixError('M_INVALID_PARAM', `${address} is no address of the kind ${medium}`)
  return found
}

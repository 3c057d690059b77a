import type { Clock } from '#base'
import {
  isNewLocalpart,
  localpartOf,
  MAX_ID_BYTES,
  MatrixError,
  parseUserId,
  type ServerName,
  serverOf,
  type UserId,
  userIdOf,
  userLocked,
} from '#spec'
import type { AccountMarks, AccountRecord, AccountsReader, AccountsWriter, Change } from '#store'
import type { AccountIdentifier } from './identifiers.ts'
import type { PasswordHasher } from './password-hasher.ts'
import type { PasswordTries, TriedFrom } from './password-tries.ts'

/** The owners of e-mail addresses and phone numbers; the address in any form. */
export interface AddressBook {
  owner(medium: string, address: string): Promise<UserId | undefined>
  /** The canonical form of the address; undefined for a text that is no address. */
  canonical(medium: string, address: string): string | undefined
}

/** Passwords that somebody else keeps: a directory. */
export interface PasswordsElsewhere {
  /**
   * The account that name and password open; undefined: none. `known`: the account that is meant by that name here. An account may be made. Throws an
   * `Unavailable` where nobody can say it now.
   */
  accountOf(name: string, known: UserId | undefined, password: string): Promise<UserId | undefined>
}

export interface AccountsParts {
  readonly reader: AccountsReader
  readonly writer: AccountsWriter
  readonly passwords: {
    readonly hasher: PasswordHasher
    /** Characters; at least 1. */
    readonly minLength: number
    readonly elsewhere?: PasswordsElsewhere | undefined
  }
  readonly tries: PasswordTries
  readonly addresses: AddressBook
  readonly serverName: ServerName
  readonly clock: Clock
}

/** Limited because the time of hashing grows with it. */
const MAX_PASSWORD_LENGTH = 512

const WRONG_CREDENTIALS = 'Wrong user name or password'

/** Local accounts, and the check of passwords. */
export class Accounts {
  readonly #parts: AccountsParts

  constructor(parts: AccountsParts) {
    this.#parts = parts
  }

  account(userId: UserId): Promise<AccountRecord | undefined> {
    return this.#parts.reader.account(userId)
  }

  /**
   * The user id a new account with that name would have; capitals become small letters. Throws `M_INVALID_USERNAME`
   * (appendices, "User Identifiers").
   */
  newUserId(username: string): UserId {
    const localpart = username.toLowerCase()
    const userId = userIdOf(localpart, this.#parts.serverName)
    // Lower-casing turns one character beyond ASCII into a-z: U+212A, the Kelvin sign, which must not pass as a k.
    if (!isNewLocalpart(localpart) || /[^\0-\x7f]/.test(username)) {
      throw new MatrixError('M_INVALID_USERNAME', 'User names consist of the letters a to z, digits, and . _ = - / +')
    }
    if (Buffer.byteLength(userId) > MAX_ID_BYTES)
      throw new MatrixError('M_INVALID_USERNAME', 'The user name is too long')
    return userId
  }

  isOfThisServer(userId: UserId): boolean {
    return serverOf(userId) === this.#parts.serverName
  }

  /** Throws `M_USER_IN_USE`. */
  async assertFree(userId: UserId): Promise<void> {
    if ((await this.#parts.reader.account(userId)) !== undefined) throw userInUse()
  }

  /** Throws `M_INVALID_PARAM` and `M_WEAK_PASSWORD`. */
  assertAcceptablePassword(password: string): void {
    if (password.length > MAX_PASSWORD_LENGTH) {
      throw new MatrixError('M_INVALID_PARAM', `A password has at most ${MAX_PASSWORD_LENGTH} characters`)
    }
    if (password.length < this.#parts.passwords.minLength) {
      const least = this.#parts.passwords.minLength
      throw new MatrixError(
        'M_WEAK_PASSWORD',
        `A password has at least ${least} ${least === 1 ? 'character' : 'characters'}`,
      )
    }
  }

  /** Checks the password first. */
  async hashPassword(password: string): Promise<string> {
    this.assertAcceptablePassword(password)
    return this.#parts.passwords.hasher.hash(password)
  }

  /**
   * The user id that an identifier means, whether or not the user exists: a full user id, a local part, or an address of the account. A local part is used as it is
   * if such an account exists, else in lower case, like all that are registered here. undefined for what cannot be a user of this server.
   */
  async resolve(
    identifier: AccountIdentifier,
  ): Promise<{ userId: UserId; account: AccountRecord | undefined } | undefined> {
    const { serverName, addresses } = this.#parts
    if (identifier.kind === 'phone') return undefined
    if (identifier.kind === 'thirdparty') {
      const userId = await addresses.owner(identifier.medium, identifier.address)
      return userId === undefined ? undefined : { userId, account: await this.#parts.reader.account(userId) }
    }
    const { user } = identifier
    const asked = parseUserId(user.startsWith('@') ? user : `@${user}:${serverName}`)
    if (asked === undefined || serverOf(asked) !== serverName) return undefined
    const exact = await this.#parts.reader.account(asked)
    if (exact !== undefined) return { userId: asked, account: exact }
    const small = userIdOf(localpartOf(asked).toLowerCase(), serverName)
    return { userId: small, account: small === asked ? undefined : await this.#parts.reader.account(small) }
  }

  /** Throws `M_USER_LOCKED`. */
  async assertUnlocked(userId: UserId): Promise<void> {
    if ((await this.#parts.reader.account(userId))?.lockedAtMs !== undefined) throw userLocked()
  }

  /** Accounts of all kinds, in the order in which they were made; `after`: the number of the last one of the page before, or 0. */
  list(after: number, limit: number): Promise<readonly AccountRecord[]> {
    return this.#parts.reader.accounts({ after, limit })
  }

  /**
   * The account that the password opens. Throws `M_FORBIDDEN` for a wrong password and for an unknown user, in about the same
   * time, and `M_LIMIT_EXCEEDED` after too many tries. `M_USER_DEACTIVATED` needs the right password of a deactivated account, as it would otherwise
   * tell strangers who left; accounts deactivated here have no password, so it is never thrown for them. `M_USER_LOCKED` needs it too.
   */
  async authenticate(identifier: AccountIdentifier, password: string, from: TriedFrom): Promise<AccountRecord> {
    const found = await this.resolve(identifier)
    const tried = this.#triedIn(identifier) ?? found?.userId
    if (tried !== undefined) await this.#parts.tries.consume(tried, found?.userId, from)
    const tooLong = password.length > MAX_PASSWORD_LENGTH
    const matches = await this.#parts.passwords.hasher.verify(tooLong ? '' : password, found?.account?.passwordHash)
    const opened =
      matches && !tooLong && found?.account !== undefined
        ? found.account
        : await this.#openedElsewhere(identifier, found?.account, tooLong ? '' : password)
    if (opened === undefined) throw new MatrixError('M_FORBIDDEN', WRONG_CREDENTIALS)
    if (opened.deactivatedAtMs !== undefined) {
      throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    }
    if (opened.lockedAtMs !== undefined) throw userLocked()
    return opened
  }

  /** The account that a password opens which somebody else keeps. An empty one never does: to a directory it would prove nothing. */
  async #openedElsewhere(
    identifier: AccountIdentifier,
    known: AccountRecord | undefined,
    password: string,
  ): Promise<AccountRecord | undefined> {
    const { elsewhere } = this.#parts.passwords
    const name = this.#nameIn(identifier)
    if (elsewhere === undefined || name === undefined || password === '') return undefined
    const userId = await elsewhere.accountOf(name, known?.userId, password)
    return userId === undefined ? undefined : this.#parts.reader.account(userId)
  }

  /** The name that somebody else may know: without the server's. */
  #nameIn(identifier: AccountIdentifier): string | undefined {
    if (identifier.kind === 'phone') return undefined
    if (identifier.kind === 'thirdparty') return identifier.medium === 'email' ? identifier.address : undefined
    const { user } = identifier
    if (!user.startsWith('@')) return user
    const userId = parseUserId(user)
    return userId === undefined || serverOf(userId) !== this.#parts.serverName ? undefined : localpartOf(userId)
  }

  /**
   * The key by which tries are counted. Tries at an address count separately from those at its account: otherwise somebody who used
   * up the tries at both would learn that they belong together.
   */
  #triedIn(identifier: AccountIdentifier): string | undefined {
    if (identifier.kind !== 'thirdparty') return undefined
    const address = this.#parts.addresses.canonical(identifier.medium, identifier.address)
    return address === undefined ? undefined : `${identifier.medium} ${address}`
  }

  /** A change that stores a hash of today's cost, if the stored one has another. */
  async refreshedHash(account: AccountRecord, password: string): Promise<Change<void> | undefined> {
    return (await this.rehashed(account, password))?.change
  }

  /** The same, with the account as it is after that. */
  async rehashed(
    account: AccountRecord,
    password: string,
  ): Promise<{ readonly change: Change<void>; readonly account: AccountRecord } | undefined> {
    const { userId, passwordHash } = account
    if (passwordHash === undefined || !this.#parts.passwords.hasher.isOutdated(passwordHash)) return undefined
    const renewed = await this.#parts.passwords.hasher.hash(password)
    const change = this.#parts.writer.setPassword(userId, renewed, passwordHash)
    return { change, account: { ...account, passwordHash: renewed } }
  }

  create(
    userId: UserId,
    passwordHash: string | undefined,
    kind: { guest?: boolean; admin?: boolean; awaitsApproval?: boolean; userType?: string | undefined } = {},
  ): Change<number> {
    return this.#parts.writer.create({
      userId,
      passwordHash,
      guest: kind.guest ?? false,
      admin: kind.admin ?? false,
      userType: kind.userType,
      createdAtMs: this.#parts.clock.nowMs(),
      awaitsApproval: kind.awaitsApproval ?? false,
    })
  }

  /** Conflict: `account-gone`. */
  setAdmin(userId: UserId, admin: boolean): Change<void> {
    return this.#parts.writer.setAdmin(userId, admin)
  }

  /** Accounts that wait for an administrator; `after`: the number of the last one of the page before, or 0. */
  awaitingApproval(after: number, limit: number): Promise<readonly AccountRecord[]> {
    return this.#parts.reader.awaitingApproval({ after, limit })
  }

  /** Conflict: `account-gone`, also for one that does not wait. */
  approve(userId: UserId): Change<void> {
    return this.#parts.writer.approve(userId)
  }

  /** Conflict: `account-gone`. */
  setLocked(userId: UserId, locked: boolean): Change<void> {
    return this.#parts.writer.setLocked(userId, locked ? this.#parts.clock.nowMs() : undefined)
  }

  /** Conflict: `account-gone`. */
  setSuspended(userId: UserId, suspended: boolean): Change<void> {
    return this.#parts.writer.setSuspended(userId, suspended ? this.#parts.clock.nowMs() : undefined)
  }

  /** Conflict: `account-gone`. */
  mark(userId: UserId, marks: AccountMarks): Change<void> {
    return this.#parts.writer.mark(userId, marks)
  }

  /** Sets an end, of which a mail tells beforehand if `mails`; never of one that is over. undefined: it never ends. Conflict: `account-gone`. */
  endAt(userId: UserId, expiresAtMs: number | undefined, mails: boolean): Change<void> {
    const isAhead = expiresAtMs !== undefined && expiresAtMs > this.#parts.clock.nowMs()
    return this.mark(userId, { expiresAtMs, tellEndMs: mails && isAhead ? expiresAtMs : undefined })
  }

  /** Opens a deactivated account again. Conflicts: `account-gone` (not deactivated), `still-leaving`. */
  reactivate(userId: UserId, passwordHash: string | undefined): Change<void> {
    return this.#parts.writer.reactivate(userId, passwordHash)
  }

  setPassword(userId: UserId, passwordHash: string): Change<void> {
    return this.#parts.writer.setPassword(userId, passwordHash)
  }

  /** Conflict: `account-gone` (not a guest, or no longer). */
  upgradeGuest(userId: UserId, passwordHash: string): Change<void> {
    return this.#parts.writer.upgradeGuest(userId, passwordHash)
  }

  deactivate(userId: UserId, erase: boolean): Change<void> {
    return this.#parts.writer.deactivate(userId, erase, this.#parts.clock.nowMs())
  }

  finishDeactivation(userId: UserId): Change<void> {
    return this.#parts.writer.finishDeactivation(userId)
  }

  unfinishedDeactivations(limit: number): Promise<readonly UserId[]> {
    return this.#parts.reader.unfinishedDeactivations(limit)
  }
}

export const userInUse = (): MatrixError => new MatrixError('M_USER_IN_USE', 'This user name is taken')

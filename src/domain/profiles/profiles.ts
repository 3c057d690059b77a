import { isJsonObject, type JsonObject, type JsonValue, MatrixError, stringAt, type UserId } from '#spec'
import type { Change, ProfilesReader, ProfilesWriter, UserNumber } from '#store'

/** "The total profile MUST be under 64 KiB." */
const MAX_PROFILE_BYTES = 65_535
const MAX_KEY_BYTES = 255
/** Both go into every member event of the user. */
const MAX_DISPLAYNAME_LENGTH = 256
const MAX_AVATAR_URL_LENGTH = 1_000

/** `m.tz` too, but that fits the pattern of namespaced keys. */
const MEMBER_KEYS: ReadonlySet<string> = new Set(['displayname', 'avatar_url'])
/** Appendices, "Common Namespaced Identifier Grammar", with at least one dot. */
const NAMESPACED_KEY = /^[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)+$/

/** Tells which accounts exist; implemented by `accounts`. */
export interface ProfileAccounts {
  /** Whether it is a user of this server, not deactivated. */
  exists(userId: UserId): Promise<boolean>
}

export interface ProfileOwner {
  readonly user: UserNumber
  readonly userId: UserId
}

/** The members of a profile that member events carry. */
export interface MemberFields {
  readonly displayname?: string
  readonly avatar_url?: string
}

export interface ProfilesParts {
  readonly reader: ProfilesReader
  readonly writer: ProfilesWriter
  readonly accounts: ProfileAccounts
}

/** Profiles of local users (client-server API, "Profiles"). */
export class Profiles {
  readonly #parts: ProfilesParts

  constructor(parts: ProfilesParts) {
    this.#parts = parts
  }

  /** All fields. Throws `M_NOT_FOUND` if there is no such user. */
  async profile(userId: UserId): Promise<JsonObject> {
    const profile = await this.#parts.reader.profile(userId)
    if (Object.keys(profile).length === 0 && !(await this.#parts.accounts.exists(userId))) {
      throw new MatrixError('M_NOT_FOUND', 'No such user')
    }
    return profile
  }

  /**
   * `{[key]: value}`. Throws `M_NOT_FOUND` for an absent field; an absent display name or avatar gives `{}`,
   * as older clients ask for these two of everybody.
   */
  async field(userId: UserId, key: string): Promise<JsonObject> {
    mindKey(key)
    const profile = await this.profile(userId)
    const value = Object.hasOwn(profile, key) ? profile[key] : undefined
    if (value !== undefined) return { [key]: value }
    if (MEMBER_KEYS.has(key)) return {}
    throw new MatrixError('M_NOT_FOUND', 'No such profile field')
  }

  /** The fields for member events, if they are texts. */
  async memberFields(userId: UserId): Promise<MemberFields> {
    return memberFieldsOf(await this.#parts.reader.profile(userId))
  }

  /**
   * The change that sets a field. An empty display name or avatar URL is none. Throws `M_INVALID_PARAM`, `M_KEY_TOO_LARGE`,
   * `M_PROFILE_TOO_LARGE`, `M_BAD_JSON` for a value of the wrong type.
   */
  async setting(owner: ProfileOwner, key: string, value: JsonValue): Promise<Change<void>> {
    mindKey(key)
    mindValue(key, value)
    if (value === '' && MEMBER_KEYS.has(key)) return this.#parts.writer.removeField(owner.user, key)
    const profile = await this.#parts.reader.profile(owner.userId)
    if (Buffer.byteLength(JSON.stringify({ ...profile, [key]: value })) > MAX_PROFILE_BYTES) {
      throw new MatrixError('M_PROFILE_TOO_LARGE', 'The profile would be larger than 64 KiB')
    }
    return this.#parts.writer.setField(owner.user, key, JSON.stringify(value))
  }

  /** The change that removes a field, which need not be there. Throws `M_INVALID_PARAM`, `M_KEY_TOO_LARGE`. */
  removing(owner: ProfileOwner, key: string): Change<void> {
    mindKey(key)
    return this.#parts.writer.removeField(owner.user, key)
  }
}

export const isMemberKey = (key: string): key is keyof MemberFields => MEMBER_KEYS.has(key)

const memberFieldsOf = (profile: JsonObject): MemberFields => {
  const displayname = stringAt(profile, 'displayname')
  const avatarUrl = stringAt(profile, 'avatar_url')
  return {
    ...(displayname === undefined ? {} : { displayname }),
    ...(avatarUrl === undefined ? {} : { avatar_url: avatarUrl }),
  }
}

const mindKey = (key: string): void => {
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new MatrixError('M_KEY_TOO_LARGE', 'The profile key is too long')
  if (!MEMBER_KEYS.has(key) && !NAMESPACED_KEY.test(key)) {
    throw new MatrixError('M_INVALID_PARAM', 'Not a key of a profile')
  }
}

const mindValue = (key: string, value: JsonValue): void => {
  if (key === 'displayname') mindText(value, MAX_DISPLAYNAME_LENGTH)
  else if (key === 'avatar_url') mindText(value, MAX_AVATAR_URL_LENGTH)
  else if (key === 'm.tz') mindText(value, MAX_KEY_BYTES)
  else if (!isWellFormed(value)) throw new MatrixError('M_BAD_JSON', 'The value cannot be stored')
}

const mindText = (value: JsonValue, maxLength: number): void => {
  if (typeof value !== 'string' || !isWellFormed(value)) throw new MatrixError('M_BAD_JSON', 'The value must be a text')
  if (value.length > maxLength) throw new MatrixError('M_INVALID_PARAM', 'The value is too long')
}

/** Refuses lone surrogates, which cannot be signed or sent to other servers. */
const isWellFormed = (value: JsonValue): boolean => {
  if (typeof value === 'string') return value.isWellFormed()
  if (Array.isArray(value)) return value.every(isWellFormed)
  return (
    !isJsonObject(value) ||
    Object.entries(value).every(([name, inner]) => name.isWellFormed() && (inner === undefined || isWellFormed(inner)))
  )
}

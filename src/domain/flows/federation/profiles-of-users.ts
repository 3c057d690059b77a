import { isJsonObject, type JsonObject, MatrixError, objectAt, type ServerName, serverOf, type UserId } from '#spec'
import type { MembersReader, RoomStateReader } from '#store'
import type { RemoteProfiles } from '../../federation/index.ts'
import { isMemberKey, type Profiles } from '../../profiles/index.ts'

export interface ProfilesOfUsersParts {
  readonly own: Pick<Profiles, 'profile' | 'field'>
  readonly elsewhere: Pick<RemoteProfiles, 'profile'>
  readonly reader: Pick<MembersReader, 'roomsOfUser'> & Pick<RoomStateReader, 'stateEvent'>
  readonly serverName: ServerName
}

/** Profiles of any users: those of other servers are asked for there (client-server API, "Profiles"). */
export class ProfilesOfUsers {
  readonly #parts: ProfilesOfUsersParts

  constructor(parts: ProfilesOfUsersParts) {
    this.#parts = parts
  }

  /** Throws `M_NOT_FOUND`, `M_FORBIDDEN` where the user's server does not tell, 502 or 504 where it cannot be asked. */
  async profile(userId: UserId): Promise<JsonObject> {
    const { own, elsewhere, serverName } = this.#parts
    if (serverOf(userId) === serverName) return own.profile(userId)
    try {
      return await elsewhere.profile(userId)
    } catch (error) {
      // A server that is away says nothing; the rooms that its user is in with us still do.
      const seen = isAway(error) ? await this.#seenInRooms(userId) : undefined
      if (seen !== undefined) return seen
      throw error
    }
  }

  /** As `Profiles.field`. */
  async field(userId: UserId, key: string): Promise<JsonObject> {
    const { own, serverName } = this.#parts
    if (serverOf(userId) === serverName) return own.field(userId, key)
    const profile = await this.profile(userId)
    const value = Object.hasOwn(profile, key) ? profile[key] : undefined
    if (value !== undefined) return { [key]: value }
    if (isMemberKey(key)) return {}
    throw new MatrixError('M_NOT_FOUND', 'No such profile field')
  }

  async #seenInRooms(userId: UserId): Promise<JsonObject | undefined> {
    const { reader } = this.#parts
    const joined = (await reader.roomsOfUser(userId)).filter(({ membership }) => membership === 'join')
    const newest = joined.toSorted((one, other) => other.position - one.position)[0]
    if (newest === undefined) return undefined
    const event = await reader.stateEvent(newest.room, 'current', 'm.room.member', userId)
    if (event === undefined) return undefined
    const pdu: unknown = JSON.parse(event.json)
    const content = isJsonObject(pdu) ? (objectAt(pdu, 'content') ?? {}) : {}
    return Object.fromEntries(
      Object.entries(content).filter(([key, value]) => isMemberKey(key) && typeof value === 'string'),
    )
  }
}

const isAway = (error: unknown): boolean => error instanceof MatrixError && error.status >= 500

import { type RoomAlias, type RoomId, type ServerName, serverOf, type UserId } from '#spec'
import type { Namespace, Registration } from './registration.ts'

const matching = (namespaces: readonly Namespace[], id: string): boolean =>
  namespaces.some(({ pattern }) => pattern.matches(id))

const matchingAlone = (namespaces: readonly Namespace[], id: string): boolean =>
  namespaces.some(({ exclusive, pattern }) => exclusive && pattern.matches(id))

/** An application service, as its file has it at the moment. */
export class ApplicationService {
  readonly registration: Registration
  readonly #own: ServerName

  constructor(registration: Registration, own: ServerName) {
    this.registration = registration
    this.#own = own
  }

  get id(): string {
    return this.registration.id
  }

  get sender(): UserId {
    return this.registration.sender
  }

  /** Whether the service may act as the user, and what concerns them concerns it: of this server, and in a namespace or the service's own user. */
  hasUser(userId: UserId): boolean {
    if (userId === this.sender) return true
    return serverOf(userId) === this.#own && matching(this.registration.users, userId)
  }

  hasAlias(alias: string): boolean {
    return matching(this.registration.aliases, alias)
  }

  hasRoom(roomId: RoomId): boolean {
    return matching(this.registration.rooms, roomId)
  }

  /** Whether nobody else may make that user or alias. */
  owns(id: UserId | RoomAlias): boolean {
    if (serverOf(id) !== this.#own) return false
    const { users, aliases } = this.registration
    return id === this.sender || matchingAlone(id.startsWith('#') ? aliases : users, id)
  }
}

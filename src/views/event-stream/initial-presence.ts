import type { UserId } from '#spec'
import type { MembersReader, RoomNumber } from '#store'
import type { RoomViewer } from '../events/viewer.ts'
import type { PresenceEntry, PresenceNow } from '../presence/presence-now.ts'
import type { PresenceProfiles } from '../presence/presence-profiles.ts'
import type { PresenceVisibility } from '../presence/presence-visibility.ts'

export interface InitialPresenceParts {
  readonly reader: MembersReader
  readonly presence: PresenceNow
  readonly presenceVisibility: PresenceVisibility
  readonly presenceProfiles: PresenceProfiles
}

/** In rooms with more members, offline members are left out. */
const MAX_TOLD_OFFLINE = 500

/** `presence` of initial syncs, as members of a JSON list. */
export class InitialPresence {
  readonly #parts: InitialPresenceParts

  constructor(parts: InitialPresenceParts) {
    this.#parts = parts
  }

  async ofEverybody(viewer: RoomViewer, ignored: ReadonlySet<UserId>): Promise<string> {
    return this.#texts(await this.#parts.presenceVisibility.everybody(viewer), viewer, ignored)
  }

  async inRoom(room: RoomNumber, viewer: RoomViewer, ignored: ReadonlySet<UserId>): Promise<string> {
    const { reader, presence } = this.#parts
    const members = (await reader.members(room, ['join'])).map(({ userId }) => userId)
    const active = new Map(presence.ofUsers(members).map((entry) => [entry.userId, entry]))
    // Small rooms list offline members too.
    const listed = members.length <= MAX_TOLD_OFFLINE ? members : [...active.keys()]
    const entries = listed.map((userId) => active.get(userId) ?? { userId, content: { presence: 'offline' } })
    return this.#texts(entries, viewer, ignored)
  }

  #texts(entries: readonly PresenceEntry[], { form }: RoomViewer, ignored: ReadonlySet<UserId>): Promise<string> {
    const shown = entries.filter(({ userId }) => !ignored.has(userId))
    return this.#parts.presenceProfiles.texts(shown, form === 'old')
  }
}

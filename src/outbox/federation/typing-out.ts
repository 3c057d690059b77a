import type { Clock, Logger } from '#base'
import { contentJson } from '#rules'
import { type ServerName, serverOf, type UserId } from '#spec'
import type { RoomNumber, RoomsReader } from '#store'
import type { News } from '#streams'
import type { EduOutlet, EduSource } from './edu-source.ts'

export interface TypingOutParts {
  readonly own: ServerName
  readonly clock: Clock
  readonly logger: Logger
  /** The users who type in a room now. */
  readonly typing: { typing(room: RoomNumber): readonly UserId[] }
  readonly rooms: Pick<RoomsReader, 'room'>
}

/** Other servers forget who types after a while, commonly a minute: it is said again. */
const AGAIN_MS = 25_000

/** Tells other servers who of the users here types (server-server API, "Typing Notifications"). */
export class TypingOut implements EduSource {
  readonly #parts: TypingOutParts
  /** People who type, as other servers were told. */
  readonly #told = new Map<RoomNumber, ReadonlySet<UserId>>()
  readonly #busy = new Set<RoomNumber>()
  #outlet: EduOutlet | undefined
  #cancel: (() => void) | undefined

  constructor(parts: TypingOutParts) {
    this.#parts = parts
  }

  start(outlet: EduOutlet): void {
    this.#outlet = outlet
  }

  stop(): void {
    this.#outlet = undefined
    this.#cancel?.()
    this.#cancel = undefined
    this.#told.clear()
  }

  hear(news: readonly News[]): void {
    for (const { stream, rooms } of news) if (stream === 'typing') for (const room of rooms) this.#tell(room, false)
  }

  /** One telling of a room at a time, so that they arrive in order. */
  #tell(room: RoomNumber, isReminder: boolean): void {
    const outlet = this.#outlet
    if (outlet === undefined || this.#busy.has(room)) return
    this.#busy.add(room)
    this.#tellNow(outlet, room, isReminder)
      .catch((err: unknown) => this.#parts.logger.warn({ err }, 'typing could not be told to other servers'))
      .finally(() => {
        this.#busy.delete(room)
        if (this.#outlet === outlet && !sameUsers(this.#told.get(room) ?? NOBODY, this.#typists(room)))
          this.#tell(room, false)
      })
  }

  async #tellNow({ to, roomServers }: EduOutlet, room: RoomNumber, isReminder: boolean): Promise<void> {
    const now = this.#typists(room)
    const before = this.#told.get(room) ?? NOBODY
    if (now.size === 0 && before.size === 0) return
    if (now.size === 0) this.#told.delete(room)
    else this.#told.set(room, now)
    const servers = await roomServers.othersIn(room)
    const roomId = servers.length === 0 ? undefined : (await this.#parts.rooms.room(room))?.roomId
    if (roomId === undefined) return
    const begun = isReminder ? [...now] : [...now].filter((userId) => !before.has(userId))
    const ended = [...before].filter((userId) => !now.has(userId))
    for (const [userId, typing] of [
      ...begun.map((id) => [id, true] as const),
      ...ended.map((id) => [id, false] as const),
    ]) {
      const content = { room_id: roomId, user_id: userId, typing }
      const json = contentJson({ edu_type: 'm.typing', content })
      if (json.ok) for (const { name } of servers) to.at(name).addVolatile(`typing ${room} ${userId}`, json.value)
    }
    this.#remindLater()
  }

  #typists(room: RoomNumber): ReadonlySet<UserId> {
    const { typing, own } = this.#parts
    return new Set(typing.typing(room).filter((userId) => serverOf(userId) === own))
  }

  #remindLater(): void {
    if (this.#told.size === 0 || this.#outlet === undefined) return
    this.#cancel ??= this.#parts.clock.after(AGAIN_MS, () => {
      this.#cancel = undefined
      for (const room of [...this.#told.keys()]) this.#tell(room, true)
    })
  }
}

const NOBODY: ReadonlySet<UserId> = new Set()

const sameUsers = (one: ReadonlySet<UserId>, other: ReadonlySet<UserId>): boolean =>
  one.size === other.size && [...one].every((userId) => other.has(userId))

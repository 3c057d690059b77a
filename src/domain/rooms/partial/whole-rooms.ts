import type { Clock } from '#base'
import type { RoomId, UserId } from '#spec'
import type { MembersReader, PartialRoomsReader, RoomRecordsReader } from '#store'
import { MembersMissing } from '../turns/members-missing.ts'

export interface WholeRoomsParts {
  readonly reader: RoomRecordsReader &
    Pick<PartialRoomsReader, 'isPartial' | 'partialRooms'> &
    Pick<MembersReader, 'members'>
  readonly clock: Clock
  /** Whether rooms are joined without their members. */
  readonly isOn: boolean
}

/** The longest that a request waits for the members of a room. */
const WAIT_MS = 30_000
/** Another process may have fetched them. */
const LOOK_MS = 2_000

/** Tells rooms whose members are all there from those that wait for them, and lets requests wait as well. */
export class WholeRooms {
  readonly #parts: WholeRoomsParts
  /** Whether rooms waited when this was first asked. */
  #anyLeft: Promise<boolean> | undefined
  #onBegun: () => void = () => {}
  readonly #waiting = new Map<RoomId, Set<() => void>>()

  constructor(parts: WholeRoomsParts) {
    this.#parts = parts
  }

  /** Whether a user may join the room without its members: only where nothing is known of it but what that user was told, so that nobody else's view of it changes twice. */
  async may({ roomId, userId }: { readonly roomId: RoomId; readonly userId: UserId }): Promise<boolean> {
    const { reader, isOn } = this.#parts
    if (!isOn) return false
    const record = await reader.roomByRoomId(roomId)
    if (record === undefined) return true
    if (record.extremities.length > 0) return false
    const known = await reader.members(record.room, ['join', 'invite', 'knock', 'leave', 'ban'])
    return known.every((member) => member.userId === userId)
  }

  /** Says that a room was joined without its members. */
  begun(): void {
    this.#onBegun()
  }

  /** `fetch` is called whenever a room was joined so. */
  whenBegun(fetch: () => void): void {
    this.#onBegun = fetch
  }

  /** Whether the members of the room are still to be fetched. Asks nothing where rooms are not joined so, and none waits from an earlier time. */
  async isPartial(roomId: RoomId): Promise<boolean> {
    const { reader, isOn } = this.#parts
    if (!isOn) {
      this.#anyLeft ??= reader.partialRooms(Number.MAX_SAFE_INTEGER, 1).then((rooms) => rooms.length > 0)
      this.#anyLeft.catch(() => {
        this.#anyLeft = undefined
      })
      if (!(await this.#anyLeft)) return false
    }
    return reader.isPartial(roomId)
  }

  /** Resolves when all members of the room are there. Throws `MembersMissing` where that takes too long. */
  async whole(roomId: RoomId): Promise<void> {
    const { clock } = this.#parts
    const endMs = clock.monotonicMs() + WAIT_MS
    while (await this.isPartial(roomId)) {
      if (clock.monotonicMs() >= endMs) throw new MembersMissing(roomId)
      await this.#next(roomId)
    }
  }

  /** To be called when the room has all of its members. */
  completed(roomId: RoomId): void {
    for (const go of this.#waiting.get(roomId) ?? []) go()
  }

  async #next(roomId: RoomId): Promise<void> {
    const waiting = this.#waiting.get(roomId) ?? new Set<() => void>()
    this.#waiting.set(roomId, waiting)
    await new Promise<void>((resolve) => {
      const go = (): void => {
        cancel()
        waiting.delete(go)
        if (waiting.size === 0) this.#waiting.delete(roomId)
        resolve()
      }
      const cancel = this.#parts.clock.after(LOOK_MS, go)
      waiting.add(go)
    })
  }
}

import { Chore, type Clock, isUnavailable, type Logger, yieldToEventLoop } from '#base'
import type { RoomId, UserId } from '#spec'
import type { Commit, MemberField, ProfileUpdate, ProfileUpdatesReader, ProfileUpdatesWriter } from '#store'

/** Puts a field of a user's profile, as it is now, or both, into their member event in a room. Does nothing where it is there already, or the room refuses. */
export interface MemberUpdater {
  updateProfile(userId: UserId, roomId: RoomId, field: MemberField | undefined): Promise<void>
}

export interface RoomProfilesParts {
  readonly reader: ProfileUpdatesReader
  readonly writer: ProfileUpdatesWriter
  readonly commit: Commit
  readonly members: MemberUpdater
  readonly clock: Clock
  readonly logger: Logger
}

/** For changes made in another process than the one that does this work. */
const EVERY_MS = 5_000
/** A name and a picture are often set one right after the other. Each change begins with the first room again, so the work waits until none has come for so long. */
const SETTLE_MS = 50
/** However many come. */
const MOST_SETTLE_MS = 500
/** Users taken in turn, so that one with very many rooms does not hold up the others. */
const USERS_AT_ONCE = 20
/** Rooms of one user before the next user, and between two notes of how far it is. */
const ROOMS_AT_ONCE = 40
/** Rooms whose changes share a commit. */
const ROOMS_A_COMMIT = 2

/**
 * Carries changed profiles into the rooms of their users, behind the requests that changed them ("Events on Change of Profile Information"). The
 * updates are in the database, so the work goes on after a crash. A profile that changes meanwhile begins again with the first room, and each
 * room gets the profile as it is at that moment: all rooms end with the newest one.
 */
export class RoomProfiles {
  readonly #parts: RoomProfilesParts
  readonly #chore: Chore
  /** When the first of the changes came that the work waits for; undefined: it waits for none. */
  #changingSince: number | undefined
  #cancel: () => void = () => {}

  constructor(parts: RoomProfilesParts) {
    this.#parts = parts
    this.#chore = new Chore({
      clock: parts.clock,
      logger: parts.logger,
      everyMs: EVERY_MS,
      failure: 'changed profiles did not reach all rooms; tried again',
      round: () => this.#round(),
    })
  }

  /** Begins, or goes on where it was. */
  start(): void {
    this.#chore.start()
  }

  /** Resolves when the rooms under way are done. */
  stop(): Promise<void> {
    this.#cancel()
    this.#changingSince = undefined
    return this.#chore.stop()
  }

  /** A profile has changed. */
  hurry(): void {
    const { clock } = this.#parts
    const now = clock.monotonicMs()
    this.#changingSince ??= now
    this.#cancel()
    this.#cancel = clock.after(Math.max(0, Math.min(SETTLE_MS, this.#changingSince + MOST_SETTLE_MS - now)), () => {
      this.#changingSince = undefined
      this.#chore.hurry()
    })
  }

  async #round(): Promise<void> {
    const { reader } = this.#parts
    for (;;) {
      const updates = await reader.profileUpdates(USERS_AT_ONCE)
      if (updates.length === 0) return
      let failed: { readonly error: unknown } | undefined
      for (const update of updates) {
        if (this.#chore.stopped) return
        // One user's busy room must not keep the others' profiles from theirs.
        await this.#goOn(update).catch((error: unknown) => {
          failed = { error }
        })
      }
      if (failed !== undefined) throw new Error('some profiles did not reach all rooms', { cause: failed.error })
    }
  }

  async #goOn(update: ProfileUpdate): Promise<void> {
    const { reader, writer, commit, clock } = this.#parts
    const rooms = await reader.roomsToUpdate(update, ROOMS_AT_ONCE)
    let doneRoom = update.doneRoom
    for (let start = 0; start < rooms.length && !this.#chore.stopped; start += ROOMS_A_COMMIT) {
      const next = rooms.slice(start, start + ROOMS_A_COMMIT)
      await Promise.all(next.map(({ roomId }) => this.#updateRoom(update, roomId)))
      doneRoom = next.at(-1)?.room ?? doneRoom
      await yieldToEventLoop(clock)
    }
    const isLast = rooms.length < ROOMS_AT_ONCE && !this.#chore.stopped
    await commit([isLast ? writer.finish(update) : writer.advance({ ...update, doneRoom })])
  }

  /** A room that fails for good must not keep the profile from the others. */
  async #updateRoom({ userId, field }: ProfileUpdate, roomId: RoomId): Promise<void> {
    try {
      await this.#parts.members.updateProfile(userId, roomId, field)
    } catch (error) {
      if (isUnavailable(error)) throw error
      this.#parts.logger.error({ err: error, roomId, userId }, 'a room did not take a changed profile')
    }
  }
}

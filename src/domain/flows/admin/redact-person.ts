import {
  type EventId,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  MatrixError,
  type RoomId,
  type UserId,
} from '#spec'
import type { MembersReader, RoomRecordsReader, SentEvent, SentEventsReader } from '#store'
import type { JobKind, RunningJob } from '../../jobs/index.ts'
import type { Redactor } from '../../moderation/index.ts'

export interface PersonRedaction extends JsonObject {
  readonly user_id: UserId
  /** The administrator, who redacts where the user cannot. */
  readonly admin: UserId
  /** Empty: all rooms that the user was ever in. */
  readonly rooms: readonly RoomId[]
  readonly reason: string | null
  /** Events of each room, the newest. */
  readonly limit: number
  readonly use_admin: boolean
  readonly after_ts: number | null
  readonly before_ts: number | null
}

export interface RedactPersonParts {
  readonly reader: SentEventsReader
  readonly rooms: Pick<RoomRecordsReader, 'roomByRoomId'> & Pick<MembersReader, 'roomsOfUser' | 'membership'>
  readonly redactor: Pick<Redactor, 'redact'>
  /** Whether a user is of this server, and has not ended. */
  isActive(userId: UserId): Promise<boolean>
}

const PAGE = 50
/** Redactions that are under way together, and share commits. */
const TOGETHER = 10
/** Failures that are told one by one. */
const MAX_FAILURES = 1_000
const NEWEST = Number.MAX_SAFE_INTEGER

/** How far a job is: the rooms that are done, and in the next one the place and the number of events so far. */
interface Place {
  readonly roomsDone: number
  readonly before: number
  readonly seen: number
  readonly redacted: number
  readonly failed: Readonly<Record<string, string>>
}

/** Redacts what one user sent, in the rooms named or in all: as that user where they are of this server and in the room, else as the administrator. */
export class RedactPerson implements JobKind<PersonRedaction> {
  readonly name = 'user.redact'
  readonly #parts: RedactPersonParts

  constructor(parts: RedactPersonParts) {
    this.#parts = parts
  }

  async run(params: PersonRedaction, job: RunningJob): Promise<JsonObject> {
    let place = placeIn(job.progress)
    const rooms = await this.#roomsOf(params)
    while (place.roomsDone < rooms.length) {
      const roomId = rooms[place.roomsDone]
      if (roomId === undefined) break
      place = await this.#piece(params, roomId, place)
      await job.save(jsonOf(place))
    }
    return { redacted: place.redacted, failed_redactions: place.failed }
  }

  async #roomsOf({ user_id: userId, rooms }: PersonRedaction): Promise<readonly RoomId[]> {
    if (rooms.length > 0) return rooms
    const all = await this.#parts.rooms.roomsOfUser(userId)
    // In an order that stays the same while the job is interrupted.
    return all.toSorted((one, other) => one.room - other.room).map(({ roomId }) => roomId)
  }

  /** One page of one room. */
  async #piece(params: PersonRedaction, roomId: RoomId, place: Place): Promise<Place> {
    const { reader, rooms } = this.#parts
    const nextRoom = { ...place, roomsDone: place.roomsDone + 1, before: NEWEST, seen: 0 }
    const room = (await rooms.roomByRoomId(roomId))?.room
    if (room === undefined || place.seen >= params.limit) return nextRoom
    const limit = Math.min(PAGE, params.limit - place.seen)
    const sender = params.user_id
    const { events, next } = await reader.sentBy({ room, sender, before: place.before, limit })
    const wanted = events.filter(({ originServerTs: ts }) => isIn(params, ts))
    const failures = await this.#redact(params, { roomId, room }, wanted)
    const failed = { ...place.failed, ...Object.fromEntries(failures.slice(0, roomFor(place))) }
    const after = { ...place, redacted: place.redacted + wanted.length - failures.length, failed }
    if (next === undefined) return { ...nextRoom, redacted: after.redacted, failed }
    return { ...after, before: next, seen: place.seen + events.length }
  }

  async #redact(
    params: PersonRedaction,
    { roomId, room }: { readonly roomId: RoomId; readonly room: number },
    events: readonly SentEvent[],
  ): Promise<readonly (readonly [EventId, string])[]> {
    if (events.length === 0) return []
    const by = await this.#redacter(params, room)
    const content = params.reason === null ? {} : { reason: params.reason }
    const failures: [EventId, string][] = []
    for (let start = 0; start < events.length; start += TOGETHER) {
      const next = events.slice(start, start + TOGETHER)
      await Promise.all(
        next.map(async ({ eventId }) => {
          try {
            await this.#parts.redactor.redact(roomId, by, eventId, content)
          } catch (error) {
            if (!(error instanceof MatrixError) || error.status >= 500) throw error
            failures.push([eventId, error.message])
          }
        }),
      )
    }
    return failures
  }

  async #redacter({ user_id: userId, admin, use_admin: asAdmin }: PersonRedaction, room: number): Promise<UserId> {
    if (asAdmin || !(await this.#parts.isActive(userId))) return admin
    const membership = (await this.#parts.rooms.membership(room, userId))?.membership
    return membership === 'join' ? userId : admin
  }
}

const isIn = ({ after_ts: after, before_ts: before }: PersonRedaction, ts: number): boolean =>
  (after === null || ts >= after) && (before === null || ts <= before)

const roomFor = ({ failed }: Place): number => Math.max(0, MAX_FAILURES - Object.keys(failed).length)

const numberIn = (value: JsonValue | undefined, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise

/** The failures that a job noted. */
export const failuresIn = (failed: JsonValue | undefined): Readonly<Record<string, string>> =>
  isJsonObject(failed)
    ? Object.fromEntries(Object.entries(failed).flatMap(([id, text]) => (typeof text === 'string' ? [[id, text]] : [])))
    : {}

const placeIn = (progress: JsonObject): Place => ({
  roomsDone: numberIn(progress.rooms_done, 0),
  before: numberIn(progress.before, NEWEST),
  seen: numberIn(progress.seen, 0),
  redacted: numberIn(progress.redacted, 0),
  failed: failuresIn(progress.failed_redactions),
})

const jsonOf = ({ roomsDone, before, seen, redacted, failed }: Place): JsonObject => ({
  rooms_done: roomsDone,
  ...{ before, seen, redacted },
  failed_redactions: failed,
})

import type { RoomNumber } from '#store'

/** The last mail that told of a room. */
export interface RoomProgress {
  readonly mailedAtMs: number
  /** How long no mail is sent for this room alone, unless its user reads it. */
  readonly waitMs: number
  /** Position of the newest event that was mailed. */
  readonly position: number
}

/** Kept with a pusher: what was mailed of which room, and how many mails went out on a day. */
export interface MailProgress {
  /** Days since 1970 in UTC. */
  readonly day: number
  readonly mails: number
  /** How often in a row the mail server refused the address. */
  readonly refusals: number
  readonly rooms: ReadonlyMap<RoomNumber, RoomProgress>
}

export interface MailPace {
  /** From the first unread event to the first mail, and the first wait of a room. */
  readonly firstDelayMs: number
  readonly longestWaitMs: number
  readonly perDay: number
}

export const DAY_MS = 86_400_000
const GROWTH = 6
/** A room that had no mail for so long after its wait begins anew. */
const FORGET_AFTER_MS = 12 * 3_600_000
/** Rooms of one pusher that are remembered, so that its row stays small. */
const MAX_ROOMS = 200

interface Stored {
  readonly day: number
  readonly mails: number
  readonly refusals?: number
  readonly rooms: readonly [room: number, mailedAtMs: number, waitMs: number, position: number][]
}

const dayOf = (nowMs: number): number => Math.floor(nowMs / DAY_MS)

export const readProgress = (json: string | undefined): MailProgress => {
  if (json === undefined) return { day: 0, mails: 0, refusals: 0, rooms: new Map() }
  const stored = JSON.parse(json) as Stored
  return {
    day: stored.day,
    mails: stored.mails,
    refusals: stored.refusals ?? 0,
    rooms: new Map(
      stored.rooms.map(([room, mailedAtMs, waitMs, position]) => [room, { mailedAtMs, waitMs, position }]),
    ),
  }
}

export const writeProgress = ({ day, mails, refusals, rooms }: MailProgress): string =>
  JSON.stringify({
    ...{ day, mails, refusals },
    rooms: [...rooms].map(([room, { mailedAtMs, waitMs, position }]) => [room, mailedAtMs, waitMs, position]),
  })

/** When the room may be mailed again, or 0. `hasRead`: the user read it since. */
export const readyAtMs = (progress: RoomProgress | undefined, hasRead: boolean): number =>
  progress === undefined || hasRead ? 0 : progress.mailedAtMs + progress.waitMs

/** When the next mail may go out with regard to those of the day. */
export const allowedAtMs = ({ day, mails }: MailProgress, { perDay }: MailPace, nowMs: number): number =>
  day === dayOf(nowMs) && mails >= perDay ? (day + 1) * DAY_MS : nowMs

/** The progress once a mail about these rooms was sent. Rooms that go on unread wait longer each time. */
export const mailedNow = (
  progress: MailProgress,
  mailed: readonly { readonly room: RoomNumber; readonly position: number; readonly hasRead: boolean }[],
  { firstDelayMs, longestWaitMs }: MailPace,
  nowMs: number,
): MailProgress => {
  const rooms = new Map(
    [...progress.rooms].filter(([, { mailedAtMs, waitMs }]) => mailedAtMs + waitMs + FORGET_AFTER_MS > nowMs),
  )
  for (const { room, position, hasRead } of mailed) {
    const before = rooms.get(room)
    const waitMs = before === undefined || hasRead ? firstDelayMs : Math.min(before.waitMs * GROWTH, longestWaitMs)
    rooms.delete(room)
    rooms.set(room, { mailedAtMs: nowMs, waitMs, position })
  }
  const day = dayOf(nowMs)
  return {
    day,
    mails: (progress.day === day ? progress.mails : 0) + 1,
    refusals: 0,
    // The oldest stand first.
    rooms: new Map([...rooms].slice(-MAX_ROOMS)),
  }
}

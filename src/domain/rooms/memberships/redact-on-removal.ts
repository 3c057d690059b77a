import { type Clock, yieldToEventLoop } from '#base'
import { powerLevelsOf } from '#rules'
import type { EventId, UserId } from '#spec'
import type { EventsReader, RoomStateReader } from '#store'
import type { RoomTurn } from '../turns/turn.ts'

/** The most events that one kick or ban takes back: the newest. They are in its commit. */
const MOST = 1_000
/** Redacted before the event loop gets a turn. */
const A_SLICE = 20

export interface RemovalReader {
  readonly unredactedOf: EventsReader['unredactedOf']
  readonly lastStay: RoomStateReader['lastStay']
}

/**
 * Redacts what a user sent during their stay, by the event that kicks or bans them and without any other (MSC4293). Does nothing where the sender of that
 * event could not redact it.
 */
export const redactOnRemoval = async (
  turn: RoomTurn,
  { sender, user, by }: { readonly sender: UserId; readonly user: UserId; readonly by: EventId },
  { reader, clock }: { readonly reader: RemovalReader; readonly clock: Clock },
): Promise<void> => {
  const create = await turn.state('m.room.create')
  if (create === undefined) return
  const levels = powerLevelsOf(turn.version, create, await turn.state('m.room.power_levels'))
  const needed = Math.max(levels.redact, levels.toSend('m.room.redaction', false))
  if (levels.ofUser(sender) < needed) return
  // Turns run ahead of their commits: what was said just before must be there to be found. If its commit fails, so does that of this turn.
  await turn.live.lastWrite.catch(() => undefined)
  const stay = await reader.lastStay(turn.live.room, user)
  if (stay === undefined) return
  const events = await reader.unredactedOf(turn.live.room, user, MOST, stay.joined - 1)
  for (const [index, event] of events.entries()) {
    if (index > 0 && index % A_SLICE === 0) await yieldToEventLoop(clock)
    await turn.redact(event, by)
  }
}

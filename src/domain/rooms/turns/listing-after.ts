import { LISTED_STATE, listedState } from '#rules'
import type { JsonObject } from '#spec'
import type { RoomListing } from '#store'
import type { RoomTurn } from './turn.ts'

/** The room as the directory shows it after a turn; undefined if the turn changes nothing of that. */
export const listingAfter = async (turn: RoomTurn): Promise<RoomListing | undefined> => {
  const changes = turn.changesState && LISTED_STATE.some((type) => turn.changes(type))
  if (turn.published !== true && !changes) return undefined
  const contents = new Map<string, JsonObject>()
  for (const type of LISTED_STATE) contents.set(type, (await turn.state(type))?.content ?? {})
  const { shown, searchable, roomType } = listedState(turn.roomId, (type) => contents.get(type) ?? {})
  return { shownJson: JSON.stringify(shown), searchable, roomType }
}

import { type EventId, type RoomId, type RoomVersion, type StateTuple, stateTupleKey } from '#spec'
import type { RoomNumber, StateHandle, StateRef } from '#store'

/** A room as questions about its events need it. */
export interface GraphRoom {
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly version: RoomVersion
}

/** An entry of a state; null: there is none. */
export interface ViewEntry extends StateTuple {
  readonly eventId: EventId | null
}

/** A state of a room: a stored one, but for the entries in `over`, by `stateTupleKey`. */
export interface StateView extends StateHandle {
  readonly over: ReadonlyMap<string, ViewEntry>
}

const NOTHING: ReadonlyMap<string, ViewEntry> = new Map()

export const viewOf = ({ at, branch }: StateHandle): StateView =>
  branch === undefined ? { at, over: NOTHING } : { at, branch, over: NOTHING }

/** The state after such entries were set. */
export const withEntries = (view: StateView, entries: Iterable<ViewEntry>): StateView => {
  const over = new Map(view.over)
  for (const entry of entries) over.set(stateTupleKey(entry.type, entry.stateKey), entry)
  return { ...view, over }
}

/** The form in which the store takes it. */
export const refOf = ({ at, branch, over }: StateView): StateRef => ({
  at,
  ...(branch === undefined ? {} : { branch }),
  differs: [...over.values()].map(({ type, stateKey, eventId }) => ({ type, stateKey, event: eventId })),
})

/** Equal for views that say the same in the same way. */
export const viewKey = ({ at, branch, over }: StateView): string =>
  JSON.stringify([at, branch ?? 0, ...[...over].map(([key, { eventId }]) => `${eventId ?? ''} ${key}`).sort()])

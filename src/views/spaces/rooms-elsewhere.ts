import { createHash } from 'node:crypto'
import type { JsonObject, RoomId, ServerName } from '#spec'
import type { RoomRecord, RoomRecordsReader, RoomServersReader } from '#store'

/** A room as another server describes it. */
interface SummaryElsewhere {
  readonly roomId: RoomId
  /** `RoomSummary` of the specification. */
  readonly json: JsonObject
}

export interface ChildElsewhere {
  readonly roomId: RoomId
  readonly order: string | undefined
  readonly originServerTs: number
  readonly suggested: boolean
  readonly via: readonly ServerName[]
  readonly text: string
}

/** A room of other servers, with what these told of the rooms right below it. */
export interface SpaceElsewhere extends SummaryElsewhere {
  readonly children: readonly ChildElsewhere[]
  readonly known: ReadonlyMap<RoomId, SummaryElsewhere>
  /** Children of which this server may not know. */
  readonly inaccessible: ReadonlySet<RoomId>
}

/** Asks other servers about rooms; the domain does it, and remembers the answers for a while. */
export interface SpacesElsewhere {
  /** undefined where none of these servers tells of the room. */
  space(roomId: RoomId, via: readonly ServerName[]): Promise<SpaceElsewhere | undefined>
}

/** Above all numbers of rooms here. */
const FIRST_KEY = 2 ** 48
const KEY_BYTES = 6

/** Stands for a room elsewhere in a token. */
export const elsewhereKey = (roomId: RoomId): number =>
  FIRST_KEY + createHash('sha256').update(roomId).digest().readUIntBE(0, KEY_BYTES)

export const isElsewhereKey = (key: number): boolean => key >= FIRST_KEY

/** The server that made the room, where its id says which; it may know the room, or not. */
export const makerOf = (roomId: RoomId): readonly ServerName[] => {
  const colon = roomId.indexOf(':')
  return colon === -1 ? [] : [roomId.slice(colon + 1) as ServerName]
}

/** Whether this server can tell of the room by itself: one of its users is in it, or nobody is any more. */
export const isHere = async (
  record: RoomRecord | undefined,
  serverName: ServerName,
  reader: RoomRecordsReader & RoomServersReader,
): Promise<boolean> => {
  if (record === undefined || record.extremities.length === 0) return false
  if (await reader.isServerIn(record.room, serverName)) return true
  return (await reader.serversOf(record.room)).length === 0
}

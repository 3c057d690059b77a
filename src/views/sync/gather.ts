import type { AccountDataEntry, AccountDataReader, Receipt, ReceiptsReader, RoomNumber, StoredEvent } from '#store'
import type { RecentEvents } from '../known/recent-events.ts'
import type { TypingNow } from '../known/typing-now.ts'
import { joinedRooms, type RoomsOfUser } from '../known/user-rooms.ts'
import type { SyncWindow } from './request.ts'
import type { ExtrasByRoom, RoomExtras } from './room-sections.ts'

export interface GatherSources {
  readonly recent: RecentEvents
  readonly accountData: AccountDataReader
  readonly receipts: ReceiptsReader
  readonly typing: TypingNow
}

/** News for the user in one window, before any room is read by itself. */
export interface Gathered {
  /** New events by room; undefined where the window begins further back than memory reaches, so that every room is asked. */
  readonly events: ReadonlyMap<RoomNumber, readonly StoredEvent[]> | undefined
  readonly extras: ExtrasByRoom
  readonly globalAccountData: readonly AccountDataEntry[]
}

const NO_EXTRAS: RoomExtras = { typing: undefined, receipts: [], accountData: [] }

/** Reads all streams but presence for one window, each once for all rooms. */
export const gather = async (window: SyncWindow, rooms: RoomsOfUser, sources: GatherSources): Promise<Gathered> => {
  const { since, now } = window
  const extras = new Map<RoomNumber, RoomExtras>()
  const extend = (room: RoomNumber, more: (held: RoomExtras) => Partial<RoomExtras>): void => {
    const held = extras.get(room) ?? NO_EXTRAS
    extras.set(room, { ...held, ...more(held) })
  }

  const receipts = await newReceipts(window, rooms, sources.receipts)
  for (const receipt of receipts) extend(receipt.room, (held) => ({ receipts: [...held.receipts, receipt] }))

  if (since === undefined) {
    for (const { room } of joinedRooms(rooms)) {
      const userIds = sources.typing.typing(room)
      if (userIds.length > 0) extend(room, () => ({ typing: userIds }))
    }
  } else if (since.typing < now.typing) {
    for (const { room, userIds } of sources.typing.changedSince(since.typing, now.typing)) {
      if (rooms.has(room)) extend(room, () => ({ typing: userIds }))
    }
  }

  const accountData = await newAccountData(window, sources.accountData)
  for (const entry of accountData.rooms) {
    extend(entry.room, (held) => ({ accountData: [...held.accountData, entry] }))
  }

  const events = since === undefined ? undefined : await newEvents(since.events, now.events, rooms, sources.recent)
  return { events, extras, globalAccountData: accountData.global }
}

export const extrasOf = (gathered: Gathered, room: RoomNumber): RoomExtras => gathered.extras.get(room) ?? NO_EXTRAS

const newReceipts = async (
  { since, now, syncer, ignored }: SyncWindow,
  rooms: RoomsOfUser,
  reader: ReceiptsReader,
): Promise<readonly Receipt[]> => {
  if (since !== undefined && since.receipts >= now.receipts) return []
  const joined = joinedRooms(rooms).map(({ room }) => room)
  if (joined.length === 0) return []
  const receipts =
    since === undefined
      ? await reader.inRooms(joined, syncer.userId)
      : await reader.since(joined, since.receipts, now.receipts, syncer.userId)
  return receipts.filter(({ userId }) => !ignored.has(userId))
}

const newAccountData = async (
  { since, now, syncer, fullState }: SyncWindow,
  reader: AccountDataReader,
): Promise<Awaited<ReturnType<AccountDataReader['since']>>> => {
  if (since === undefined || fullState) {
    return { global: await reader.allGlobal(syncer.user), rooms: await reader.allInRooms(syncer.user) }
  }
  if (since.accountData >= now.accountData) return { global: [], rooms: [] }
  return reader.since(syncer.user, since.accountData, now.accountData)
}

const newEvents = async (
  after: number,
  upTo: number,
  rooms: RoomsOfUser,
  recent: RecentEvents,
): Promise<Map<RoomNumber, StoredEvent[]> | undefined> => {
  const events = await recent.between(after, upTo)
  if (events === undefined) return undefined
  const byRoom = new Map<RoomNumber, StoredEvent[]>()
  for (const event of events) {
    if (!rooms.has(event.room)) continue
    const held = byRoom.get(event.room)
    if (held === undefined) byRoom.set(event.room, [event])
    else held.push(event)
  }
  return byRoom
}

import {
  AdministratorsTexts,
  AdminRoomDetails,
  AdminRoomList,
  type ClientEvents,
  type EventTextsParts,
  Gaps,
  Hierarchy,
  type HistoryElsewhere,
  type HistoryVisibilities,
  type MessageLifetimes,
  NearInTime,
  RoomSummaries,
  readerOfAllRooms,
  Timeline,
  Visibility,
} from '#views'
import type { RoomsGround } from '../rooms/rooms.ts'

export interface SharedByViews extends Pick<EventTextsParts, 'erasures' | 'bundles' | 'heads'> {
  readonly clientEvents: ClientEvents
  readonly visibilities: HistoryVisibilities
  readonly lifetimes: MessageLifetimes
}

export type AdminRoomViews = ReturnType<typeof buildAdminRoomViews>

/** Builds the views of rooms for whoever administers the server: the same as everybody's, over a reader that hides nothing from them. */
export const buildAdminRoomViews = (
  { store, streams, clock, serverName }: RoomsGround,
  history: HistoryElsewhere,
  { clientEvents, visibilities, lifetimes, erasures, bundles, heads }: SharedByViews,
) => {
  const reader = readerOfAllRooms(store.rooms)
  const ignored = { ignoredBy: () => NOBODY, listOf: () => NO_LIST, listNow: () => NO_LIST }
  const visibility = new Visibility({ reader, events: clientEvents, ignored, visibilities, clock, lifetimes })
  const texts = new AdministratorsTexts({ clientEvents, reader, clock, visibility, erasures, bundles, heads })
  const parts = { reader, visibility, clientEvents, texts, clock, streams }
  // Only rooms that this server is in are told of.
  const elsewhere = { space: async () => undefined }
  return {
    list: new AdminRoomList(store.roomOverviews),
    details: new AdminRoomDetails({ reader: store.rooms, texts, clock, overviews: store.roomOverviews }),
    timeline: new Timeline({ ...parts, gaps: new Gaps({ reader, elsewhere: history }) }),
    nearInTime: new NearInTime(parts),
    hierarchy: new Hierarchy({ reader, summaries: new RoomSummaries({ reader }), clock, elsewhere, serverName }),
  }
}

const NOBODY: ReadonlySet<never> = new Set<never>()
const NO_LIST = { users: NOBODY, position: 0 }

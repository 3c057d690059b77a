import type { InboxesNow, SlidingExtension, StreamNews } from '#views'
import {
  AccountDataExtension,
  type DeviceLists,
  E2eeExtension,
  type EventTexts,
  type KeyCountsNow,
  type ProfileChanges,
  ProfilesExtension,
  type PushRules,
  ReceiptsExtension,
  StickyEventsExtension,
  StickyRooms,
  ThreadChanges,
  ThreadSubscriptionsExtension,
  ToDeviceExtension,
  TypingExtension,
} from '#views'
import type { RoomsGround } from '../rooms/rooms.ts'

/** The inboxes of devices, as sliding sync needs them. */
export interface InboxesOfDevices extends InboxesNow {
  acknowledge(owner: { readonly user: number; readonly device: number }, upTo: number): Promise<void>
}

export interface SlidingExtensionsParts {
  readonly ground: RoomsGround
  readonly inboxes: InboxesOfDevices
  readonly news: StreamNews
  readonly pushRules: PushRules
  readonly deviceLists: DeviceLists
  readonly keyCounts: KeyCountsNow
  readonly profileChanges: ProfileChanges
  readonly texts: EventTexts
}

/** Builds the extensions of sliding sync. New ones are added at the end, and none moves: positions of clients name them by their places. */
export const buildSlidingExtensions = ({
  ground: { store, streams, clock },
  inboxes,
  news,
  pushRules,
  deviceLists,
  keyCounts,
  profileChanges,
  texts,
}: SlidingExtensionsParts): readonly SlidingExtension[] => {
  const stickyRooms = new StickyRooms({ clock, positions: streams })
  streams.onNews(stickyRooms)
  return [
    new ToDeviceExtension({
      reader: store.toDevice,
      inboxes,
      acknowledge: (owner, upTo) => inboxes.acknowledge(owner, upTo),
      streams,
    }),
    new E2eeExtension({ lists: deviceLists, counts: keyCounts }),
    new AccountDataExtension({ reader: store.accountData, pushRules }),
    new ReceiptsExtension({ reader: store.receipts }),
    new TypingExtension({ news }),
    new ThreadSubscriptionsExtension({ changes: new ThreadChanges(store.threadSubscriptions) }),
    new StickyEventsExtension({
      reader: store.stickyEvents,
      events: store.rooms,
      rooms: stickyRooms,
      texts,
      clock,
    }),
    new ProfilesExtension({ reader: store.profileChanges, changes: profileChanges }),
  ]
}

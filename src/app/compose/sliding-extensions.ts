import type { InboxesNow, SlidingExtension, StreamNews } from '#views'
import {
  AccountDataExtension,
  type DeviceLists,
  E2eeExtension,
  type KeyCountsNow,
  type PushRules,
  ReceiptsExtension,
  ThreadChanges,
  ThreadSubscriptionsExtension,
  ToDeviceExtension,
  TypingExtension,
} from '#views'
import type { RoomsGround } from './rooms.ts'

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
}

/** Builds the extensions of sliding sync. New ones are added at the end, and none moves: positions of clients name them by their places. */
export const buildSlidingExtensions = ({
  ground: { store, streams },
  inboxes,
  news,
  pushRules,
  deviceLists,
  keyCounts,
}: SlidingExtensionsParts): readonly SlidingExtension[] => [
  new ToDeviceExtension({
    reader: store.toDevice,
    inboxes,
    acknowledge: (owner, upTo) => inboxes.acknowledge(owner, upTo),
    streams,
  }),
  new E2eeExtension({ lists: deviceLists, counts: keyCounts, news }),
  new AccountDataExtension({ reader: store.accountData, pushRules }),
  new ReceiptsExtension({ reader: store.receipts }),
  new TypingExtension({ news }),
  new ThreadSubscriptionsExtension({ changes: new ThreadChanges(store.threadSubscriptions) }),
]

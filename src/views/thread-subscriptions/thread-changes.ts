import type { EventId, RoomId } from '#spec'
import type { ThreadSubscriptionChange, ThreadSubscriptionsReader, UserNumber } from '#store'

/** A change of the stream `threadSubscriptions`; `bump_stamp` tells which of two changes of one subscription is the later one. */
type Subscribed = { readonly automatic: boolean; readonly bump_stamp: number }
type Unsubscribed = { readonly bump_stamp: number }
type ByThread<Item> = Readonly<Record<RoomId, Readonly<Record<EventId, Item>>>>

/** Changes in the form of MSC4308. A member without threads is left out. */
export type ThreadChangesText = {
  readonly subscribed?: ByThread<Subscribed>
  readonly unsubscribed?: ByThread<Unsubscribed>
}

export interface ThreadChangesPage {
  readonly changes: ThreadChangesText
  /** The position up to which the changes are that the page had no room for; undefined where there are none. */
  readonly restUpTo: number | undefined
}

/** The most changes in one page. */
const MAX_CHANGES = 500

/** Changes of a user's thread subscriptions, newest first (MSC4308, unstable). */
export class ThreadChanges {
  readonly #reader: Pick<ThreadSubscriptionsReader, 'changes'>

  constructor(reader: Pick<ThreadSubscriptionsReader, 'changes'>) {
    this.#reader = reader
  }

  /** The newest changes with `after` < position <= `upTo`: each subscription once, in its newest state. */
  async page(
    user: UserNumber,
    window: { readonly after: number; readonly upTo: number; readonly limit: number },
  ): Promise<ThreadChangesPage> {
    const limit = Math.min(window.limit, MAX_CHANGES)
    const found = await this.#reader.changes(user, { ...window, limit: limit + 1 })
    return { changes: textOf(found.slice(0, limit)), restUpTo: found[limit]?.position }
  }
}

const textOf = (changes: readonly ThreadSubscriptionChange[]): ThreadChangesText => {
  const subscribed = new Map<RoomId, [EventId, Subscribed][]>()
  const unsubscribed = new Map<RoomId, [EventId, Unsubscribed][]>()
  for (const { roomId, root, state, position } of changes) {
    if (state === 'none') add(unsubscribed, roomId, [root, { bump_stamp: position }])
    else add(subscribed, roomId, [root, { automatic: state === 'automatic', bump_stamp: position }])
  }
  return {
    ...(subscribed.size === 0 ? {} : { subscribed: objectOf(subscribed) }),
    ...(unsubscribed.size === 0 ? {} : { unsubscribed: objectOf(unsubscribed) }),
  }
}

const add = <Item>(rooms: Map<RoomId, Item[]>, roomId: RoomId, item: Item): void => {
  const listed = rooms.get(roomId)
  if (listed === undefined) rooms.set(roomId, [item])
  else listed.push(item)
}

const objectOf = <Item>(rooms: ReadonlyMap<RoomId, readonly (readonly [EventId, Item])[]>): ByThread<Item> =>
  Object.fromEntries([...rooms].map(([roomId, threads]) => [roomId, Object.fromEntries(threads)])) as ByThread<Item>

/** `from`, `to` and `end` of MSC4308: changes up to that position. */
export const formatThreadChangesToken = (position: number): string => `ts${position}`

/** undefined for a text that is no such token. */
export const parseThreadChangesToken = (text: string): number | undefined =>
  /^ts\d{1,15}$/.test(text) ? Number(text.slice(2)) : undefined

import type { EventId, RoomId } from '#spec'
import type {
  SubscribeOutcome,
  ThreadOfUser,
  ThreadSubscriptionState,
  ThreadSubscriptionsReader,
  ThreadSubscriptionsWriter,
} from '../../ports/personal/thread-subscriptions.ts'
import type { EventNumber, RoomNumber, UserNumber } from '../../ports/rooms/events.ts'
import { type Db, defineWrite, queriesOver, type Tx } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'

interface ThreadSubscriptionTables extends Pick<RoomTables, 'rooms' | 'events'> {
  readonly thread_subscriptions: {
    readonly user_number: number
    readonly room: number
    readonly root_id: EventId
    readonly position: number
    readonly state: ThreadSubscriptionState
    readonly left_at: number | null
  }
}

const query = queriesOver<ThreadSubscriptionTables>()

const ofThread = query((db, param: ThreadOfUser) =>
  db
    .selectFrom('thread_subscriptions')
    .select(['state', 'left_at'])
    .where('user_number', '=', param.user)
    .where('room', '=', param.room)
    .where('root_id', '=', param.root),
)
const allOf = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('thread_subscriptions')
    .select(['room', 'root_id', 'state', 'position'])
    .where('user_number', '=', param.user),
)
const changed = query((db, param: { user: UserNumber; after: number; upTo: number; limit: number }) =>
  db
    .selectFrom('thread_subscriptions as t')
    .innerJoin('rooms as r', 'r.room', 't.room')
    .select(['r.room_id', 't.root_id', 't.state', 't.position'])
    .where('t.user_number', '=', param.user)
    .where('t.position', '>', param.after)
    .where('t.position', '<=', param.upTo)
    .orderBy('t.position', 'desc')
    .limit(param.limit),
)
const newestIn = query((db, param: { room: RoomNumber }) =>
  db
    .selectFrom('events')
    .select('position')
    .where('room', '=', param.room)
    .where('position', 'is not', null)
    .orderBy('position', 'desc')
    .limit(1),
)
interface Entry extends ThreadOfUser {
  readonly state: ThreadSubscriptionState
  readonly position: number
  readonly leftAt: number | null
}
const upsert = query((db, { user, room, root, state, position, leftAt }: Entry) =>
  db
    .insertInto('thread_subscriptions')
    .values({ user_number: user, room, root_id: root, position, state, left_at: leftAt })
    .onConflict((on) =>
      on.columns(['user_number', 'room', 'root_id']).doUpdateSet({ position, state, left_at: leftAt }),
    ),
)
const behind = query((db, param: { user: UserNumber; skipped: number }) =>
  db
    .selectFrom('thread_subscriptions')
    .select('position')
    .where('user_number', '=', param.user)
    .orderBy('position')
    .limit(1)
    .offset(param.skipped),
)
const removeOfUser = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('thread_subscriptions').where('user_number', '=', param.user),
)
const removeOfRoom = query((db, param: { room: RoomNumber }) =>
  db.deleteFrom('thread_subscriptions').where('room', '=', param.room),
)

const STREAM = 'threadSubscriptions'

const put = async (tx: Tx, thread: ThreadOfUser, state: ThreadSubscriptionState, leftAt: number | null) => {
  const position = tx.next(STREAM, 1)
  await tx.run(upsert, { ...thread, state, position, leftAt })
  tx.announce({ stream: STREAM, position, rooms: [], users: [thread.user] })
}

const subscribe = defineWrite(
  'threadSubscriptions.subscribe',
  [STREAM],
  async (
    tx,
    { thread, cause, most }: { thread: ThreadOfUser; cause: EventNumber | undefined; most: number },
  ): Promise<SubscribeOutcome> => {
    const before = await tx.first(ofThread, thread)
    const isAutomatic = cause !== undefined
    const isKept = before?.state === 'manual' || (before?.state === 'automatic' && isAutomatic)
    if (isKept) return 'subscribed'
    // An event below zero is fetched history, and so older than every unsubscription.
    if (isAutomatic && before !== undefined && cause <= (before.left_at ?? 0)) return 'outdated'
    if (before === undefined && (await tx.first(behind, { user: thread.user, skipped: most - 1 })) !== undefined)
      return 'full'
    await put(tx, thread, isAutomatic ? 'automatic' : 'manual', null)
    return 'subscribed'
  },
)
const unsubscribe = defineWrite(
  'threadSubscriptions.unsubscribe',
  [STREAM],
  async (tx, { thread }: { thread: ThreadOfUser }): Promise<void> => {
    const before = await tx.first(ofThread, thread)
    if (before === undefined || before.state === 'none') return
    const newest = await tx.first(newestIn, { room: thread.room })
    await put(tx, thread, 'none', newest?.position ?? 0)
  },
)
const removeUser = defineWrite(
  'threadSubscriptions.removeUser',
  async (tx, input: { user: UserNumber }): Promise<void> => {
    await tx.run(removeOfUser, input)
  },
)
const removeRoom = defineWrite(
  'threadSubscriptions.removeRoom',
  async (tx, input: { room: RoomNumber }): Promise<void> => {
    await tx.run(removeOfRoom, input)
  },
)

export const threadSubscriptionWrites = [subscribe, unsubscribe, removeUser, removeRoom]

export const threadSubscriptionsWriter: ThreadSubscriptionsWriter = {
  subscribe: (thread, cause, most) => subscribe({ thread, cause, most }),
  unsubscribe: (thread) => unsubscribe({ thread }),
  removeUser: (user) => removeUser({ user }),
  removeRoom: (room) => removeRoom({ room }),
}

export const threadSubscriptionsReader = (db: Db): ThreadSubscriptionsReader => ({
  subscription: async (thread) => (await db.first(ofThread, thread))?.state,
  all: async (user) => {
    const rows = await db.longAll(allOf, { user })
    return rows.map(({ root_id, state, ...rest }) => ({ ...rest, root: root_id, isSubscribed: state !== 'none' }))
  },
  changes: async (user, window) => {
    if (window.after >= window.upTo) return []
    const rows = await db.all(changed, { user, ...window })
    return rows.map(({ room_id, root_id, ...rest }) => ({ roomId: room_id as RoomId, root: root_id, ...rest }))
  },
})

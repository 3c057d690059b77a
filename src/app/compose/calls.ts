import type { CallsDeps } from '#api'
import {
  type Accounts,
  DelayedEvents,
  DueEvents,
  OverwrittenState,
  type PushRules,
  RoomDelayedSender,
  type SeenEvents,
  SendDelayed,
  SetRoomState,
  stickySweep,
  ThreadSubscriptions,
} from '#domain'
import { type LeasedWork, writers } from '#store'
import type { Streams } from '#streams'
import { positionsInPos } from '#streams'
import { ThreadChanges } from '#views'
import type { Ground } from './ground/ground.ts'
import { shadowIdsOf } from './rooms/moderation.ts'
import type { RoomsDomain } from './rooms/rooms.ts'

/** The parts of other layers that calls and threads need. */
export interface AroundCalls {
  readonly streams: Streams
  readonly accounts: Pick<Accounts, 'account'>
  readonly rooms: Pick<RoomsDomain, 'sending' | 'memberships' | 'successors'>
  /** The timeline, which knows who sees which event. */
  readonly seen: SeenEvents
  readonly pushRules: Pick<PushRules, 'heedThreads'>
}

export interface BuiltCalls {
  readonly api: CallsDeps
  /** The work that one process at a time does. */
  readonly work: Readonly<Record<string, LeasedWork>>
}

/** Builds delayed events, and the threads that users subscribe to. */
export const buildCalls = (ground: Ground, around: AroundCalls): BuiltCalls => {
  const { store } = ground
  const { streams, seen, pushRules } = around
  const threadSubscriptions = new ThreadSubscriptions({
    ...{ seen, pushRules, commit: store.commit, events: store.rooms },
    reader: store.threadSubscriptions,
    writer: writers.threadSubscriptions,
  })
  const delayed = buildDelayedEvents(ground, around)
  return {
    api: {
      threadSubscriptions,
      threadChanges: new ThreadChanges(store.threadSubscriptions),
      positions: streams,
      ofSlidingPosition: (pos) => positionsInPos(pos, streams.positions())?.threadSubscriptions,
      delayedEvents: delayed.delayedEvents,
    },
    work: {
      'delayed-events': delayed.work,
      'sticky-sweep': stickySweep({ ...ground, writer: writers.stickyEvents, commit: store.commit }),
    },
  }
}

const buildDelayedEvents = (
  ground: Ground,
  { streams, accounts, rooms }: AroundCalls,
): { readonly delayedEvents: DelayedEvents; readonly work: LeasedWork } => {
  const { store, config, rateLimiter, clock, random, logger } = ground
  const { commit } = store
  const stored = { reader: store.delayedEvents, writer: writers.delayedEvents, commit }
  const shadowIds = shadowIdsOf(ground)
  const sender = new RoomDelayedSender({
    accounts,
    sending: rooms.sending,
    roomState: new SetRoomState(rooms),
    shadowIds,
  })
  const sending = new SendDelayed({ ...stored, rooms: store.rooms, sender, clock })
  const limit = { consume: (userId: string) => rateLimiter.consume('message', userId) }
  const dueEvents = new DueEvents({ ...stored, sending, limit, clock, logger })
  const overwritten = new OverwrittenState({ ...stored, rooms: store.rooms, positions: streams, clock, logger })
  streams.onNews(overwritten)
  const { maxDelay: maxDelayMs, maxScheduled } = config.delayedEvents
  const delayedEvents = new DelayedEvents({
    ...{ ...stored, positions: streams, sending },
    settings: { maxDelayMs, maxScheduled },
    news: { due: (atMs) => dueEvents.due(atMs), state: (roomId) => overwritten.watch(roomId) },
    tools: { clock, random },
  })
  return {
    delayedEvents,
    work: {
      start: () => {
        overwritten.start()
        dueEvents.start()
      },
      stop: async () => {
        await dueEvents.stop()
        await overwritten.stop()
      },
    },
  }
}

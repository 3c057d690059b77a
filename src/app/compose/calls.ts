import type { CallsDeps } from '#api'
import { type SeenEvents, ThreadSubscriptions } from '#domain'
import { writers } from '#store'
import type { Streams } from '#streams'
import { positionsInPos } from '#streams'
import { ThreadChanges } from '#views'
import type { Ground } from './ground.ts'

/** The parts of other layers that calls and threads need. */
export interface AroundCalls {
  readonly streams: Streams
  /** The timeline, which knows who sees which event. */
  readonly seen: SeenEvents
}

export interface BuiltCalls {
  readonly api: CallsDeps
}

/** Builds the threads that users subscribe to. */
export const buildCalls = ({ store }: Ground, { streams, seen }: AroundCalls): BuiltCalls => {
  const threadSubscriptions = new ThreadSubscriptions({
    ...{ seen, commit: store.commit, events: store.rooms },
    reader: store.threadSubscriptions,
    writer: writers.threadSubscriptions,
  })
  return {
    api: {
      threadSubscriptions,
      threadChanges: new ThreadChanges(store.threadSubscriptions),
      positions: streams,
      ofSlidingPosition: (pos) => positionsInPos(pos, streams.positions())?.threadSubscriptions,
    },
  }
}

import type { Soon } from '#base'
import type { UserId } from '#spec'
import type { Snapshot } from '#streams'
import type { RoomScope } from './extension.ts'
import type { AdmittedRequest } from './request.ts'

/** The rooms of one answer, decided and not written yet. */
export interface RoomsAnswer {
  /** The moment that the rooms are as of: that of the request, or a later one. */
  readonly now: Snapshot
  readonly scope: RoomScope
  /** The value of `lists`, as JSON. */
  readonly lists: string
  /** The members of `rooms` where they are few and their texts are at hand, as nearly always to somebody who waits. undefined: nothing was done, and `rooms` is to be asked. */
  brief(): Soon<readonly string[] | undefined>
  /** Members of `rooms`, one at a time; none where nothing is new. */
  rooms(): AsyncIterable<string>
  /** The memory for the next position; asked for after all rooms were written. */
  memory(): Soon<string>
}

/** Decides which rooms an answer tells. */
export interface RoomsOfAnswers {
  look(request: AdmittedRequest, now: Snapshot, ignored: ReadonlySet<UserId>): Soon<RoomsAnswer>
}

/** For connections without lists and subscriptions: no room is touched. */
export const noRooms = (now: Snapshot): RoomsAnswer => ({
  now,
  scope: NO_SCOPE,
  lists: '{}',
  brief: () => [],
  rooms: () => nothing(),
  memory: () => '',
})

const NO_SCOPE: RoomScope = {
  answered: new Map(),
  entered: new Map(),
  all: () => [],
  has: () => false,
  listsOf: () => [],
  isSubscribed: () => false,
  roomId: () => undefined,
  membership: () => undefined,
}

async function* nothing(): AsyncGenerator<string, void, undefined> {}

import type { JsonObject, RoomId } from '#spec'
import type { EventsViewer } from '../events/event-texts.ts'
import type { Position } from './position.ts'

/** The two wire forms: `legacy` is `org.matrix.simplified_msc3575`, `v4` is MSC4186. */
export type WireForm = 'legacy' | 'v4'

/** Stands for the reader's own user id as a state key, so that a config is the same for all who ask for the same. */
export const OWN_KEY = { own: true } as const

/** Entries of a room's state: undefined stands for every type, or every state key. */
export interface StatePattern<Key = string | undefined> {
  readonly type: string | undefined
  readonly stateKey: Key
}

export interface RequiredState<Key = string | undefined> {
  readonly include: readonly StatePattern<Key>[]
  /** Taken away from what `include` names, but never from lazily loaded members. */
  readonly exclude: readonly StatePattern<Key>[]
  readonly lazyMembers: boolean
}

/** A state key before it is known who reads. */
export type WantedKey = string | undefined | typeof OWN_KEY
export type WantedState = RequiredState<WantedKey>

/** The extent in which a room is told. */
export interface RoomConfig {
  /** Events at most. */
  readonly timelineLimit: number
  readonly requiredState: WantedState
}

/** The rooms of a list; undefined: no matter. */
export interface RoomFilters {
  readonly isDm?: boolean | undefined
  readonly isEncrypted?: boolean | undefined
  readonly isInvited?: boolean | undefined
  /** null stands for rooms without a type. */
  readonly roomTypes?: readonly (string | null)[] | undefined
  readonly notRoomTypes?: readonly (string | null)[] | undefined
  readonly tags?: readonly string[] | undefined
  readonly notTags?: readonly string[] | undefined
  readonly spaces?: readonly string[] | undefined
  /** Text within the room's name, in lower case; of the legacy form alone. */
  readonly nameLike?: string | undefined
}

/** First and last index, both inclusive. */
export type Range = readonly [first: number, last: number]

export interface ListConfig extends RoomConfig {
  readonly ranges: readonly Range[]
  readonly filters: RoomFilters
}

/**
 * The part of a request that clients repeat with every poll. Requests with the same body share it, whoever sends them: it is never changed, and what follows from it alone is kept
 * with it.
 */
export interface SlidingWish {
  readonly form: WireForm
  /** Empty for a client that names none. */
  readonly connectionId: string
  readonly lists: ReadonlyMap<string, ListConfig>
  readonly subscriptions: ReadonlyMap<RoomId, RoomConfig>
  /** As it came: each extension reads its own member. */
  readonly extensions: JsonObject
  /** Sent back in the answer; of the legacy form alone. */
  readonly txnId?: string | undefined
}

/** One request of either wire form. */
export interface SlidingRequest extends SlidingWish {
  readonly viewer: EventsViewer & { readonly device: number }
  /** The position that an earlier answer of the connection ended with; undefined begins the connection anew. */
  readonly pos: Position | undefined
  readonly timeoutMs: number
}

/** The run that a request belongs to, and the generation of its answer. */
export interface Admitted {
  readonly run: number
  readonly generation: number
}

/** A request in its place among those of its connection. */
export interface AdmittedRequest extends Admitted {
  readonly request: SlidingRequest
}

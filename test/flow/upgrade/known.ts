import type { Json, TestClient } from '../../support/client.ts'

/** What a client kept of itself: nothing else gets it back in. */
export interface KnownClient {
  readonly userId: string
  readonly deviceId: string
  readonly accessToken?: string
  readonly refreshToken?: string
}

/** What an answer is reduced to: the ids it lists. New members of answers and passing time are no difference. */
export type Listing = 'timelines' | 'chunk' | 'rooms'

/** A request with a token in it, and what it listed. */
export interface KnownPage {
  readonly client: string
  readonly path: string
  readonly listing: Listing
  readonly ids: readonly string[]
}

/** A request, and its answer; later versions may answer more. */
export interface KnownAnswer {
  readonly client: string
  readonly path: string
  readonly body: Json
}

/** All that the clients of a fixture database know. */
export interface Known {
  readonly clients: Readonly<Record<string, KnownClient>>
  readonly rooms: Readonly<Record<string, string>>
  readonly pages: readonly KnownPage[]
  readonly answers: readonly KnownAnswer[]
  /** Sent by `alice` before, with that transaction. */
  readonly transaction: { readonly path: string; readonly body: Json; readonly eventId: string }
}

const idsIn = (events: Json): readonly string[] =>
  (events ?? []).flatMap((event: Json) => (typeof event.event_id === 'string' ? [event.event_id] : []))

const LISTINGS: Readonly<Record<Listing, (body: Json) => readonly string[]>> = {
  timelines: ({ rooms }) =>
    Object.entries<Json>({ ...rooms?.join, ...rooms?.leave })
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([, room]) => idsIn(room.timeline?.events)),
  chunk: ({ chunk }) => idsIn(chunk),
  rooms: ({ chunk }) => chunk.map((room: Json) => room.room_id),
}

export const list = async (client: TestClient, path: string, listing: Listing): Promise<readonly string[]> =>
  LISTINGS[listing](await client.get(path))

const PASSING = 'age last_active_ago last_seen_ts last_seen_ip last_seen_user_agent presence currently_active'.split(
  ' ',
)

const keyOf = (item: Json): string => String(item?.event_id ?? item?.device_id ?? item)
const byKey = (one: Json, other: Json): number => (keyOf(one) < keyOf(other) ? -1 : 1)

/** An answer without what differs from request to request: what the time of the request decides, and the order of lists that have none. */
export const comparable = (body: Json): Json =>
  JSON.parse(
    JSON.stringify(body, (name, member) => {
      if (PASSING.includes(name)) return undefined
      return Array.isArray(member) ? member.toSorted(byKey) : member
    }),
  )

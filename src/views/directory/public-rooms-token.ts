import type { DirectoryPlace } from '#store'

export type Place = DirectoryPlace

/** Before and behind all rooms. */
export const FIRST: Place = { joinedCount: Number.MAX_SAFE_INTEGER, room: 0 }
export const LAST: Place = { joinedCount: 0, room: Number.MAX_SAFE_INTEGER }

/** Strictly before. */
export const isBefore = (one: Place, other: Place): boolean =>
  one.joinedCount === other.joinedCount ? one.room < other.room : one.joinedCount > other.joinedCount

/** A token, opaque to clients. It carries the direction, as the request does not (`GET /publicRooms`, `since`). */
export const formatPlace = (direction: 'forward' | 'backward', { joinedCount, room }: Place): string =>
  `${direction === 'forward' ? 'n' : 'p'}${joinedCount}_${room}`

const TOKEN = /^([np])(\d{1,10})_(\d{1,15})$/

export const parsePlace = (
  token: string,
): { readonly direction: 'forward' | 'backward'; readonly place: Place } | undefined => {
  const [, kind, joinedCount, room] = TOKEN.exec(token) ?? []
  if (kind === undefined) return undefined
  return {
    direction: kind === 'n' ? 'forward' : 'backward',
    place: { joinedCount: Number(joinedCount), room: Number(room) },
  }
}

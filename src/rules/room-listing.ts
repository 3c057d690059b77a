import { type JsonObject, stringAt } from '#spec'
import { historyVisibilityOf } from './history-visibility.ts'

/** The types of state, with an empty state key, that the room directory shows. */
export const LISTED_STATE: readonly string[] = [
  'm.room.create',
  'm.room.name',
  'm.room.topic',
  'm.room.avatar',
  'm.room.canonical_alias',
  'm.room.join_rules',
  'm.room.guest_access',
  'm.room.history_visibility',
]

/** UTF-16 units that the directory shows of what a room says of itself. */
const MAX_NAME = 255
const MAX_TOPIC = 1_000
/** An alias, address or type that is longer is left out: cut, it would be another one. */
const MAX_WORD = 255

export interface ListedState {
  /** A member of `PublicRoomsChunk`, but for the number of members. */
  readonly shown: JsonObject
  /** Name, topic and alias in lower case, as far as they are shown; without U+0000. */
  readonly searchable: string
  /** Empty for none. */
  readonly roomType: string
}

/** A room as the published room directory shows it (`PublicRoomsChunk`). Long texts are cut, so that a page is bounded. */
export const listedState = (roomId: string, content: (type: string) => JsonObject): ListedState => {
  const text = (type: string, key: string): string | undefined => {
    const value = stringAt(content(type), key)
    return value === '' ? undefined : value
  }
  const word = (type: string, key: string): string | undefined => {
    const value = text(type, key)
    return value !== undefined && value.length > MAX_WORD ? undefined : value
  }
  const name = cut(text('m.room.name', 'name'), MAX_NAME)
  const topic = cut(text('m.room.topic', 'topic'), MAX_TOPIC)
  const alias = word('m.room.canonical_alias', 'alias')
  const avatar = word('m.room.avatar', 'url')
  const roomType = word('m.room.create', 'type')
  return {
    roomType: plain(roomType ?? ''),
    searchable: plain([name, topic, alias].filter((part) => part !== undefined).join('\n')).toLowerCase(),
    shown: {
      room_id: roomId,
      world_readable: historyVisibilityOf(content('m.room.history_visibility')) === 'world_readable',
      guest_can_join: text('m.room.guest_access', 'guest_access') === 'can_join',
      join_rule: word('m.room.join_rules', 'join_rule') ?? 'invite',
      ...(name === undefined ? {} : { name }),
      ...(topic === undefined ? {} : { topic }),
      ...(alias === undefined ? {} : { canonical_alias: alias }),
      ...(avatar === undefined ? {} : { avatar_url: avatar }),
      ...(roomType === undefined ? {} : { room_type: roomType }),
    },
  }
}

/** No half of a surrogate pair is left at the end. */
const cut = (text: string | undefined, max: number): string | undefined =>
  text === undefined || text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`

/** Text that a database can hold. */
const plain = (text: string): string => text.replaceAll('\0', '')

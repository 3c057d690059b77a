import { isJsonObject, type JsonObject, stringAt } from '#spec'
import type { RoomChange } from '../../../ports/rooms/room-change.ts'
import { defineWrite, type Tx } from '../../engine/index.ts'
import { query } from '../tables.ts'

/** The entries that an overview shows. */
const TYPES = [
  'm.room.create',
  'm.room.name',
  'm.room.canonical_alias',
  'm.room.encryption',
  'm.room.join_rules',
  'm.room.guest_access',
  'm.room.history_visibility',
] as const
type ShownType = (typeof TYPES)[number]
const isShown = (type: string): type is ShownType => (TYPES as readonly string[]).includes(type)

/** Longer ones are cut: a list is no place for them, and indexes take no long texts. */
const MAX_LENGTH = 255
/** Rooms without a name come last. */
const NAMELESS = '\u{10ffff}'

interface OverviewRow {
  readonly room: number
  readonly name: string
  readonly nameOrder: string
  readonly alias: string
  readonly searchable: string
  readonly creator: string
  readonly encryption: string
  readonly federatable: number
  readonly joinRules: string
  readonly guestAccess: string
  readonly historyVisibility: string
  readonly roomType: string
}

const entriesNow = query((db, param: { room: number; types: readonly string[] }, { texts }) =>
  db
    .selectFrom('state_log as s')
    .innerJoin('events as e', 'e.event', 's.event')
    .innerJoin('users as u', 'u.user_number', 'e.sender')
    .select(['s.type', 'e.json', 'u.user_id as sender'])
    .where('s.room', '=', param.room)
    .where('s.type', 'in', texts(param.types))
    .where('s.state_key', '=', '')
    .where('s.until_position', 'is', null),
)
const putOverview = query((db, param: OverviewRow) => {
  const shown = {
    ...{ name: param.name, name_order: param.nameOrder, canonical_alias: param.alias, searchable: param.searchable },
    ...{ creator: param.creator, encryption: param.encryption, federatable: param.federatable },
    ...{ join_rules: param.joinRules, guest_access: param.guestAccess, room_type: param.roomType },
    ...{ history_visibility: param.historyVisibility, filled: 1 },
  }
  return db
    .insertInto('room_overviews')
    .values({ room: param.room, ...shown })
    .onConflict((on) => on.column('room').doUpdateSet(shown))
})

const storable = (text: string): string => text.replaceAll('\0', '\ufffd').toWellFormed()

/** A text of the content, as far as a list shows it; empty where there is none. */
const shownText = (content: JsonObject | undefined, member: string): string => {
  const text = content === undefined ? undefined : stringAt(content, member)
  return text === undefined ? '' : storable(text.slice(0, MAX_LENGTH))
}

interface Entry {
  readonly type: string
  readonly json: string
  readonly sender: string
}

const overviewOf = (room: number, entries: readonly Entry[]): OverviewRow => {
  const contents = new Map<string, JsonObject>()
  for (const { type, json } of entries) {
    const { content } = JSON.parse(json) as { readonly content: unknown }
    if (isJsonObject(content)) contents.set(type, content)
  }
  const shown = (type: ShownType, member: string): string => shownText(contents.get(type), member)
  const name = shown('m.room.name', 'name')
  const alias = shown('m.room.canonical_alias', 'alias')
  return {
    ...{ room, name, alias },
    nameOrder: name === '' ? NAMELESS : name.toLowerCase(),
    searchable: `${name}\n${alias.slice(1).split(':')[0] ?? ''}`.toLowerCase(),
    creator: entries.find(({ type }) => type === 'm.room.create')?.sender ?? '',
    encryption: shown('m.room.encryption', 'algorithm'),
    federatable: contents.get('m.room.create')?.['m.federate'] === false ? 0 : 1,
    joinRules: shown('m.room.join_rules', 'join_rule'),
    guestAccess: shown('m.room.guest_access', 'guest_access'),
    historyVisibility: shown('m.room.history_visibility', 'history_visibility'),
    roomType: shown('m.room.create', 'type'),
  }
}

/** Keeps what administrators are shown of the room, where a change says something of that. To be called when the change's state is written. */
export const storeOverview = async (
  tx: Tx,
  room: number,
  { events, state }: Pick<RoomChange, 'events' | 'state'>,
  fresh: boolean,
): Promise<void> => {
  if (!state.some(({ type, stateKey }) => stateKey === '' && isShown(type))) return
  // The last entry of a type is in force in a new room.
  const entries = fresh
    ? events.filter(({ type, stateKey }) => stateKey === '' && isShown(type))
    : await tx.all(entriesNow, { room, types: TYPES })
  await tx.run(putOverview, overviewOf(room, entries))
}

const fillOverviews = defineWrite(
  'rooms.fillOverviews',
  async (tx, { rooms }: { readonly rooms: readonly number[] }): Promise<void> => {
    for (const room of rooms)
      await tx.run(putOverview, overviewOf(room, await tx.all(entriesNow, { room, types: TYPES })))
  },
)

export const roomOverviewWrites = [fillOverviews]
export const roomOverviews = { fillOverviews: (rooms: readonly number[]) => fillOverviews({ rooms }) }

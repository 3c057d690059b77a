import { isJsonObject } from '#spec'
import type { RoomChange } from '../../../ports/rooms/room-change.ts'
import { insertInto, type Tx } from '../../engine/index.ts'
import { query } from '../tables.ts'

/** The entries that open a room, each with the member and the value that do. */
const OPENING: Readonly<Record<string, readonly [key: string, value: string]>> = {
  'm.room.join_rules': ['join_rule', 'public'],
  'm.room.history_visibility': ['history_visibility', 'world_readable'],
}
const TYPES = Object.keys(OPENING)

const entriesNow = query((db, param: { room: number; types: readonly string[] }, { texts }) =>
  db
    .selectFrom('state_log as s')
    .innerJoin('events as e', 'e.event', 's.event')
    .select(['s.type', 'e.json'])
    .where('s.room', '=', param.room)
    .where('s.type', 'in', texts(param.types))
    .where('s.state_key', '=', '')
    .where('s.until_position', 'is', null),
)
const insertOpen = insertInto('open_rooms', { room: 'integer' }, { ifExists: 'ignore' })
const takeOpen = query((db, param: { room: number }) => db.deleteFrom('open_rooms').where('room', '=', param.room))

const opens = ({ type, json }: { readonly type: string; readonly json: string }): boolean => {
  const opening = OPENING[type]
  const { content } = JSON.parse(json) as { readonly content: unknown }
  return opening !== undefined && isJsonObject(content) && content[opening[0]] === opening[1]
}

/** Notes whether anybody may join the room or read it, where a change says something of that. To be called when the change's state is written. */
export const storeOpenness = async (
  tx: Tx,
  room: number,
  { events, state }: Pick<RoomChange, 'events' | 'state'>,
  fresh: boolean,
): Promise<void> => {
  const isSaid = state.some(({ type, stateKey }) => stateKey === '' && OPENING[type] !== undefined)
  if (!isSaid) return
  const entries = fresh
    ? events.filter(({ type, stateKey }) => stateKey === '' && OPENING[type] !== undefined)
    : await tx.all(entriesNow, { room, types: TYPES })
  if (entries.some(opens)) await tx.insertMany(insertOpen, [{ room }])
  else if (!fresh) await tx.run(takeOpen, { room })
}

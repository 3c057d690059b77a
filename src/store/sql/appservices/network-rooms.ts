import { sql } from 'kysely'
import type { RoomId } from '#spec'
import type { NetworkRoomsReader, NetworkRoomsWriter, ServiceNetwork } from '../../ports/appservices/network-rooms.ts'
import { type Db, defineWrite, queriesOver } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'

interface NetworkTables extends RoomTables {
  readonly network_rooms: { readonly service: string; readonly network: string; readonly room: number }
}

const query = queriesOver<NetworkTables>()

const ofOneNetwork = query((db, param: ServiceNetwork & { after: number; limit: number }) =>
  db
    .selectFrom('network_rooms as n')
    .innerJoin('rooms as r', 'r.room', 'n.room')
    .select(['r.room', 'r.room_id as roomId', 'r.joined_count as joinedCount'])
    .where('n.service', '=', param.service)
    .where('n.network', '=', param.network)
    .where('n.room', '>', param.after)
    .where('r.joined_count', '>', sql.lit(0))
    .orderBy('n.room')
    .limit(param.limit),
)
const ofAllNetworks = query((db, param: { after: number; limit: number }) =>
  db
    .selectFrom('network_rooms as n')
    .innerJoin('rooms as r', 'r.room', 'n.room')
    .select(['r.room', 'r.room_id as roomId', 'r.joined_count as joinedCount'])
    .distinct()
    .where('n.room', '>', param.after)
    .where('r.joined_count', '>', sql.lit(0))
    .where('r.published', '=', sql.lit(0))
    .orderBy('r.room')
    .limit(param.limit),
)
const addRoom = query((db, param: ServiceNetwork & { room: number }) =>
  db
    .insertInto('network_rooms')
    .values({ service: param.service, network: param.network, room: param.room })
    .onConflict((on) => on.columns(['room', 'service', 'network']).doNothing()),
)
const takeRoom = query((db, param: ServiceNetwork & { room: number }) =>
  db
    .deleteFrom('network_rooms')
    .where('room', '=', param.room)
    .where('service', '=', param.service)
    .where('network', '=', param.network),
)
const takeAll = query((db, param: { room: number }) => db.deleteFrom('network_rooms').where('room', '=', param.room))

const setListed = defineWrite(
  'networkRooms.setListed',
  async (tx, { listed, ...line }: ServiceNetwork & { room: number; listed: boolean }): Promise<void> => {
    if (listed) await tx.run(addRoom, line)
    else await tx.run(takeRoom, line)
  },
)
const removeRoom = defineWrite('networkRooms.removeRoom', async (tx, input: { room: number }): Promise<void> => {
  await tx.run(takeAll, input)
})

export const networkRoomsWrites = [setListed, removeRoom]

export const networkRoomsWriter: NetworkRoomsWriter = {
  setListed: (room, of, listed) => setListed({ room, ...of, listed }),
  removeRoom: (room) => removeRoom({ room }),
}

export const networkRoomsReader = (db: Db): NetworkRoomsReader => ({
  networkRooms: async (of, page) => {
    const rows = of === 'all' ? await db.all(ofAllNetworks, page) : await db.all(ofOneNetwork, { ...of, ...page })
    return rows.map((row) => ({ ...row, roomId: row.roomId as RoomId }))
  },
})

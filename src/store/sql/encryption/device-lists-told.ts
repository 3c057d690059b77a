import { sql } from 'kysely'
import type { DeviceId, ServerName, UserId } from '#spec'
import type { DeviceListsToldReader, DeviceListsToldWriter } from '../../ports/encryption/device-lists-told.ts'
import { type Db, defineWrite, queriesOver } from '../engine/index.ts'
import { CROSS_SIGNING } from './device-list-rows.ts'
import type { RemoteListsTables } from './remote-lists-tables.ts'

interface ToldTables extends RemoteListsTables {
  readonly device_lists_told: { readonly only_row: number; readonly position: number }
}

const query = queriesOver<ToldTables>()

const toldTo = query((db) => db.selectFrom('device_lists_told').select('position'))
const changesAfter = query((db, param: { after: number; limit: number }) =>
  db
    .selectFrom('device_list_changes as c')
    .innerJoin('users as u', 'u.user_number', 'c.user_number')
    .select(['c.position', 'u.user_id', 'c.device_id'])
    .select((of) =>
      of
        .selectFrom('device_list_changes as b')
        .select((row) => row.fn.max('b.position').as('before'))
        .whereRef('b.user_number', '=', 'c.user_number')
        .whereRef('b.position', '<', 'c.position')
        .where('b.told_to', 'is', null)
        .where((eb) => eb.or([eb('b.device_id', 'is', null), eb('b.device_id', '!=', sql.lit(CROSS_SIGNING))]))
        .as('before'),
    )
    .where('c.position', '>', param.after)
    .where('c.told_to', 'is', null)
    .orderBy('c.position')
    .limit(param.limit),
)
const serversWith = query((db, param: { userId: UserId; own: ServerName }) =>
  db
    .selectFrom('users as u')
    .innerJoin('memberships as m', 'm.user_number', 'u.user_number')
    .innerJoin('room_servers as r', 'r.room', 'm.room')
    .innerJoin('servers as s', 's.server', 'r.server')
    .select('s.name')
    .distinct()
    .where('u.user_id', '=', param.userId)
    .where('m.membership', '=', 'join')
    .where('s.name', '!=', param.own),
)
const joiner = query((db, param: { room: number; user: number }) =>
  db
    .selectFrom('memberships as m')
    .innerJoin('accounts as a', 'a.user_number', 'm.user_number')
    .innerJoin('users as u', 'u.user_number', 'm.user_number')
    .select('u.user_id')
    .select((of) =>
      of
        .selectFrom('device_list_changes as c')
        .select((row) => row.fn.max('c.position').as('newest'))
        .whereRef('c.user_number', '=', 'm.user_number')
        .where('c.told_to', 'is', null)
        .where((eb) => eb.or([eb('c.device_id', 'is', null), eb('c.device_id', '!=', sql.lit(CROSS_SIGNING))]))
        .as('newest'),
    )
    .where('m.user_number', '=', param.user)
    .where('m.room', '=', param.room)
    .where('m.membership', '=', 'join')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('state_log as e')
            .select('e.position')
            .whereRef('e.room', '=', 'm.room')
            .where('e.type', '=', sql.lit('m.room.member'))
            .whereRef('e.state_key', '=', 'u.user_id')
            .where('e.membership', '=', 'join')
            .whereRef('e.until_position', '=', 'm.position'),
        ),
      ),
    ),
)
const serversOnlyIn = query((db, param: { room: number; user: number; own: ServerName }) =>
  db
    .selectFrom('room_servers as r')
    .innerJoin('servers as s', 's.server', 'r.server')
    .select('s.name')
    .where('r.room', '=', param.room)
    .where('s.name', '!=', param.own)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('memberships as m')
            .innerJoin('room_servers as o', 'o.room', 'm.room')
            .select('m.room')
            .where('m.user_number', '=', param.user)
            .where('m.membership', '=', 'join')
            .where('m.room', '!=', param.room)
            .whereRef('o.server', '=', 'r.server'),
        ),
      ),
    ),
)
const setTold = query((db, param: { position: number }) =>
  db.updateTable('device_lists_told').set({ position: param.position }).where('position', '<', param.position),
)

const tell = defineWrite('deviceListsTold.tell', async (tx, input: { position: number }): Promise<void> => {
  await tx.run(setTold, input)
})

export const deviceListsToldWrites = [tell]

export const deviceListsToldWriter: DeviceListsToldWriter = { tell: (position) => tell({ position }) }

export const deviceListsToldReader = (db: Db): DeviceListsToldReader => ({
  told: async () => (await db.first(toldTo, {}))?.position ?? 0,
  changesAfter: async (after, limit) =>
    (await db.all(changesAfter, { after, limit })).map((row) => ({
      position: row.position,
      userId: row.user_id as UserId,
      changed:
        row.device_id === CROSS_SIGNING ? 'cross-signing' : ((row.device_id ?? undefined) as DeviceId | undefined),
      // 0: before the first change.
      previous: row.device_id === null ? undefined : (row.before ?? 0),
    })),
  serversWith: async (userId, own) =>
    (await db.longAll(serversWith, { userId, own })).map((row) => row.name as ServerName),
  newlySharing: async (room, user, own) => {
    const row = await db.first(joiner, { room, user })
    if (row === undefined) return undefined
    const servers = (await db.longAll(serversOnlyIn, { room, user, own })).map(({ name }) => name as ServerName)
    return { userId: row.user_id as UserId, servers, newest: row.newest ?? undefined }
  },
})

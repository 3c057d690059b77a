import { sql } from 'kysely'
import type { ServerName, UserId } from '#spec'
import type { RemoteDeviceListsReader } from '../../ports/encryption/remote-device-lists.ts'
import type { Db } from '../engine/index.ts'
import { devicesByUser, FEW_USERS } from './devices-by-user.ts'
import { query } from './remote-lists-tables.ts'

/**
 * The lists that are right: for a room, both this server and the user have been in it since before the list was asked for. A user who left in between and came back has
 * a state entry that ended, or began, outside a membership.
 */
const devicesOf = query((db, param: { userIds: readonly UserId[]; own: ServerName }, { texts }) =>
  db
    .selectFrom('users as u')
    .innerJoin('remote_device_lists as l', 'l.user_number', 'u.user_number')
    .leftJoin('remote_devices as d', 'd.user_number', 'u.user_number')
    .select(['u.user_id', 'd.device_id', 'd.keys_json', 'd.display_name'])
    .where('u.user_id', 'in', texts(param.userIds))
    .where('l.ask_at_ms', 'is', null)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('memberships as m')
          .innerJoin('room_servers as r', 'r.room', 'm.room')
          .innerJoin('servers as s', 's.server', 'r.server')
          .select('m.room')
          .whereRef('m.user_number', '=', 'l.user_number')
          .where('m.membership', '=', 'join')
          .where('s.name', '=', param.own)
          .whereRef('r.since', '<=', 'l.asked_position')
          .where((inner) =>
            inner.not(
              inner.exists(
                inner
                  .selectFrom('state_log as e')
                  .select('e.position')
                  .whereRef('e.room', '=', 'm.room')
                  .where('e.type', '=', sql.lit('m.room.member'))
                  .whereRef('e.state_key', '=', 'u.user_id')
                  .where(sql<string>`coalesce(e.membership, '')`, '!=', 'join')
                  .where((entry) =>
                    entry.or([
                      entry('e.until_position', 'is', null),
                      entry('e.until_position', '>', entry.ref('l.asked_position')),
                    ]),
                  ),
              ),
            ),
          )
          .where((inner) =>
            inner.exists(
              inner
                .selectFrom('state_log as b')
                .select('b.position')
                .whereRef('b.room', '=', 'm.room')
                .where('b.type', '=', sql.lit('m.room.member'))
                .whereRef('b.state_key', '=', 'u.user_id')
                .whereRef('b.position', '<=', 'l.asked_position'),
            ),
          ),
      ),
    )
    .orderBy('u.user_id')
    .orderBy('d.device_id'),
)
const listOf = query((db, param: { userId: UserId }) =>
  db
    .selectFrom('users as u')
    .innerJoin('remote_device_lists as l', 'l.user_number', 'u.user_number')
    .select(['l.known_ids', 'l.ask_at_ms'])
    .where('u.user_id', '=', param.userId),
)
const sharing = query((db, param: { userIds: readonly UserId[]; own: ServerName }, { texts }) =>
  db
    .selectFrom('users as u')
    .select('u.user_id')
    .where('u.user_id', 'in', texts(param.userIds))
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('memberships as m')
          .innerJoin('room_servers as r', 'r.room', 'm.room')
          .innerJoin('servers as s', 's.server', 'r.server')
          .select('m.room')
          .whereRef('m.user_number', '=', 'u.user_number')
          .where('m.membership', '=', 'join')
          .where('s.name', '=', param.own),
      ),
    ),
)
const serversToAsk = query((db, param: { byMs: number; limit: number }) =>
  db
    .selectFrom('remote_device_lists')
    .select('server')
    .where('ask_at_ms', 'is not', null)
    .where('ask_at_ms', '<=', param.byMs)
    .groupBy('server')
    .orderBy((eb) => eb.fn.min('ask_at_ms'))
    .limit(param.limit),
)
const nextToAsk = query((db, param: { server: ServerName; byMs: number }) =>
  db
    .selectFrom('remote_device_lists as l')
    .innerJoin('users as u', 'u.user_number', 'l.user_number')
    .select(['u.user_id', 'l.failures'])
    .where('l.server', '=', param.server)
    .where('l.ask_at_ms', 'is not', null)
    .where('l.ask_at_ms', '<=', param.byMs)
    .orderBy('l.ask_at_ms')
    .limit(1),
)
const listsAfter = query((db, param: { after: number; limit: number }) =>
  db
    .selectFrom('remote_device_lists as l')
    .innerJoin('users as u', 'u.user_number', 'l.user_number')
    .select(['l.user_number', 'u.user_id'])
    .where('l.user_number', '>', param.after)
    .orderBy('l.user_number')
    .limit(param.limit),
)

export const remoteDeviceListsReader = (db: Db): RemoteDeviceListsReader => {
  const sharingOf = async (userIds: readonly UserId[], own: ServerName): Promise<readonly UserId[]> => {
    if (userIds.length === 0) return []
    const params = { userIds, own }
    const rows = userIds.length > FEW_USERS ? await db.longAll(sharing, params) : await db.all(sharing, params)
    return rows.map((row) => row.user_id as UserId)
  }
  return {
    devicesOf: async (userIds, own) => {
      if (userIds.length === 0) return new Map()
      const params = { userIds, own }
      return devicesByUser(
        userIds.length > FEW_USERS ? await db.longAll(devicesOf, params) : await db.all(devicesOf, params),
      )
    },
    list: async (userId) => {
      const row = await db.first(listOf, { userId })
      return row && { knownIds: JSON.parse(row.known_ids) as number[], stale: row.ask_at_ms !== null }
    },
    sharing: sharingOf,
    serversToAsk: async (byMs, limit) =>
      (await db.longAll(serversToAsk, { byMs, limit })).map((row) => row.server as ServerName),
    nextToAsk: async (server, byMs) => {
      const row = await db.first(nextToAsk, { server, byMs })
      return row && { userId: row.user_id as UserId, failures: row.failures }
    },
    unshared: async (after, limit, own) => {
      const rows = await db.all(listsAfter, { after, limit })
      const userIds = rows.map((row) => row.user_id as UserId)
      const shared = new Set(await sharingOf(userIds, own))
      return { userIds: userIds.filter((userId) => !shared.has(userId)), upTo: rows.at(-1)?.user_number }
    },
  }
}

import type { UserId } from '#spec'
import type { MessagesQuery, ToDeviceReader } from '../../ports/encryption/to-device.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { ToDeviceTables } from './to-device-tables.ts'

const query = queriesOver<ToDeviceTables>()

const devicesWithMessages = query((db, param: { user: number }) =>
  db
    .selectFrom('devices as d')
    .select('d.device')
    .where('d.user_number', '=', param.user)
    .where((of) =>
      of.exists(of.selectFrom('to_device_messages as m').select('m.device').whereRef('m.device', '=', 'd.device')),
    ),
)
const firstUpTo = query((db, param: { device: number; upTo: number }) =>
  db
    .selectFrom('to_device_messages')
    .select('position')
    .where('device', '=', param.device)
    .where('position', '<=', param.upTo)
    .limit(1),
)
const sizes = query((db, param: { device: number; after: number; upTo: number; limit: number }) =>
  db
    .selectFrom('to_device_messages')
    .select(['position', 'size_bytes'])
    .where('device', '=', param.device)
    .where('position', '>', param.after)
    .where('position', '<=', param.upTo)
    .orderBy('position')
    .limit(param.limit),
)
const contents = query((db, param: { device: number; after: number; upTo: number }) =>
  db
    .selectFrom('to_device_messages as m')
    .innerJoin('users as u', 'u.user_number', 'm.sender')
    .select(['m.position', 'u.user_id as sender', 'm.type', 'm.content_json as contentJson'])
    .where('m.device', '=', param.device)
    .where('m.position', '>', param.after)
    .where('m.position', '<=', param.upTo)
    .orderBy('m.position'),
)

const unseenInboxes = query((db, param: { beforeMs: number; after: number; limit: number }) =>
  db
    .selectFrom('devices as d')
    .select('d.device')
    .where('d.device', '>', param.after)
    .where('d.seen_ms', '<', param.beforeMs)
    .where((of) =>
      of.exists(of.selectFrom('to_device_messages as m').select('m.device').whereRef('m.device', '=', 'd.device')),
    )
    .where((of) =>
      of.not(
        of.exists(of.selectFrom('dehydrated_devices as h').select('h.device').whereRef('h.device', '=', 'd.device')),
      ),
    )
    .orderBy('d.device')
    .limit(param.limit),
)

interface SizeRow {
  readonly position: number
  readonly size_bytes: number
}

/** The last of the first messages that fit into the limits. */
const lastThatFits = (rows: readonly SizeRow[], { limit, limitBytes }: MessagesQuery): number => {
  let bytes = 0
  let last = 0
  for (const [index, { position, size_bytes }] of rows.slice(0, limit).entries()) {
    bytes += size_bytes
    if (index > 0 && bytes > limitBytes) break
    last = position
  }
  return last
}

export const toDeviceReader = (db: Db): ToDeviceReader => ({
  devicesWithMessages: async (user) => (await db.all(devicesWithMessages, { user })).map(({ device }) => device),
  hasMessagesUpTo: async (device, upTo) => (await db.first(firstUpTo, { device, upTo })) !== undefined,
  unseenInboxes: async (beforeMs, after, limit) =>
    (await db.longAll(unseenInboxes, { beforeMs, after, limit })).map(({ device }) => device),
  messages: async (wanted) => {
    const { device, after, upTo, limit } = wanted
    const rows = await db.all(sizes, { device, after, upTo, limit: limit + 1 })
    if (rows.length === 0) return { messages: [], more: false }
    const last = lastThatFits(rows, wanted)
    const found = await db.all(contents, { device, after, upTo: last })
    return {
      messages: found.map((row) => ({ ...row, sender: row.sender as UserId })),
      more: rows.some(({ position }) => position > last),
    }
  },
})

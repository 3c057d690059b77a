import { type Kysely, sql } from 'kysely'
import { isJsonObject, type ServerName, stringAt, type UserId } from '#spec'
import { WriteConflict } from '../../ports/engine/change.ts'
import type {
  CopyOverview,
  MediaName,
  MediaOrder,
  MediaOverview,
  MediaPageQuery,
  MediaStandingReader,
  MediaStandingWriter,
  OldMediaQuery,
} from '../../ports/media/media-standing.ts'
import { MEDIA_ORDERS } from '../../ports/media/media-standing.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { type Db, defineWrite, insertInto, queriesOver } from '../engine/index.ts'
import type { MediaTables } from './media-tables.ts'

interface Tables extends MediaTables {
  readonly users: { readonly user_number: number; readonly user_id: UserId }
  readonly profile_fields: { readonly key: string; readonly value_json: string }
  readonly state_log: {
    readonly type: string
    readonly state_key: string
    readonly until_position: number | null
    readonly event: number | null
  }
  readonly events: {
    readonly event: number
    readonly room: number
    readonly placed: number
    readonly depth: number
    readonly type: string
    readonly json: string
  }
  readonly remote_media: {
    readonly server: string
    readonly media_id: string
    readonly used_ms: number
    readonly sha256: string
    readonly size_bytes: number
    readonly content_type: string
    readonly file_name: string | null
  }
}

const query = queriesOver<Tables>()

const quarantiner = query((db, param: { server: string; mediaId: string; sha256: string }) =>
  db
    .selectFrom('quarantined_media')
    .select('quarantined_by')
    .where((is) =>
      is.or([
        is.and([is('server', '=', param.server), is('media_id', '=', param.mediaId)]),
        is.and([is('sha256', '=', param.sha256), is('sha256', '<>', '')]),
      ]),
    )
    .limit(1),
)

const overviews = (db: Kysely<Tables>) =>
  db
    .selectFrom('media as m')
    .innerJoin('media_files as f', 'f.sha256', 'm.sha256')
    .leftJoin('users as u', 'u.user_number', 'm.user_number')
    .select(['m.media_id', 'u.user_id', 'm.created_ms', 'm.used_ms', 'f.size_bytes', 'm.content_type', 'm.file_name'])
    .select((of) => [
      'f.sha256',
      'm.protected',
      of
        .selectFrom('quarantined_media as q')
        .select(({ fn }) => fn.min('q.quarantined_by').as('by'))
        .where((is) =>
          is.or([
            is.and([
              is('q.media_id', '=', is.ref('m.media_id')),
              is('q.server', '=', is.selectFrom('homeserver as h').select('h.name')),
            ]),
            is('q.sha256', '=', is.ref('f.sha256')),
          ]),
        )
        .as('quarantined_by'),
    ])

const ORDER_COLUMNS: Readonly<Record<MediaOrder, string>> = {
  media_id: 'm.media_id',
  upload_name: 'm.file_name',
  created_ts: 'm.created_ms',
  last_access_ts: 'm.used_ms',
  media_length: 'f.size_bytes',
  media_type: 'm.content_type',
  quarantined_by: 'quarantined_by',
  safe_from_quarantine: 'm.protected',
}
type Page = { readonly user: UserNumber; readonly offset: number; readonly limit: number }
/** `user`: below zero for everybody's. */
const isOf = (user: UserNumber) => sql<boolean>`(cast(${user} as integer) < 0 or m.user_number = ${user})`
const byOrder = (order: MediaOrder, direction: 'asc' | 'desc') =>
  query((db, param: Page) =>
    overviews(db)
      .where(isOf(param.user))
      .orderBy(sql.ref(ORDER_COLUMNS[order]), direction)
      .orderBy('m.media_id')
      .limit(param.limit)
      .offset(param.offset),
  )
const PAGES = new Map(
  MEDIA_ORDERS.map((order) => [order, { ascending: byOrder(order, 'asc'), descending: byOrder(order, 'desc') }]),
)
const counted = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('media as m')
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .where('m.sha256', 'is not', null)
    .where(isOf(param.user)),
)
const one = query((db, param: { mediaId: string }) => overviews(db).where('m.media_id', '=', param.mediaId))
const copiesOf = query((db, param: MediaName) =>
  db
    .selectFrom('remote_media as r')
    .select(['r.server', 'r.media_id', 'r.used_ms', 'r.size_bytes', 'r.content_type', 'r.file_name', 'r.sha256'])
    .where('r.server', '=', param.server)
    .where('r.media_id', '=', param.mediaId),
)
const oldOnes = query((db, param: OldMediaQuery) =>
  db
    .selectFrom('media as m')
    .innerJoin('media_files as f', 'f.sha256', 'm.sha256')
    .select('m.media_id')
    .where('m.media_id', '>', param.after)
    .where(sql<boolean>`coalesce(m.used_ms, m.created_ms) < ${param.beforeMs}`)
    .where('f.size_bytes', '>', param.largerThan)
    .orderBy('m.media_id')
    .limit(param.limit),
)
const mediaOfUser = query((db, param: { user: UserNumber; after: string; limit: number }) =>
  db
    .selectFrom('media')
    .select('media_id')
    .where('user_number', '=', param.user)
    .where('media_id', '>', param.after)
    .where('sha256', 'is not', null)
    .orderBy('media_id')
    .limit(param.limit),
)
const avatarFields = query((db) => db.selectFrom('profile_fields').select('value_json').where('key', '=', 'avatar_url'))
const roomAvatars = query((db) =>
  db
    .selectFrom('state_log as s')
    .innerJoin('events as e', 'e.event', 's.event')
    .select('e.json')
    .where('s.type', '=', 'm.room.avatar')
    .where('s.until_position', 'is', null),
)
const withMedia = query((db, param: { room: number; depth: number; event: number; limit: number }) =>
  db
    .selectFrom('events')
    .select(['depth', 'event', 'type', 'json'])
    .where('room', '=', param.room)
    .where('placed', '<=', 1)
    .where('depth', '>=', param.depth)
    .where((is) => is.or([is('depth', '>', param.depth), is('event', '>', param.event)]))
    .where('json', 'like', '%mxc://%')
    .orderBy('depth')
    .orderBy('event')
    .limit(param.limit),
)

const ownMedia = query((db, param: { mediaId: string }) =>
  db.selectFrom('media').select(['sha256', 'protected']).where('media_id', '=', param.mediaId),
)
const protectedOf = query((db, param: { sha256: string }) =>
  db.selectFrom('media').select('media_id').where('sha256', '=', param.sha256).where('protected', '=', 1).limit(1),
)
const insertQuarantined = insertInto(
  'quarantined_media',
  { server: 'text', media_id: 'text', sha256: 'text', quarantined_by: 'text', quarantined_ms: 'integer' },
  { ifExists: 'ignore' },
)
const quarantinedName = query((db, param: MediaName) =>
  db
    .selectFrom('quarantined_media')
    .select('sha256')
    .where('server', '=', param.server)
    .where('media_id', '=', param.mediaId),
)
const takeName = query((db, param: MediaName) =>
  db.deleteFrom('quarantined_media').where('server', '=', param.server).where('media_id', '=', param.mediaId),
)
const namesWithBytes = query((db, param: { sha256s: readonly string[] }, { texts }) =>
  db.selectFrom('quarantined_media').select(['server', 'media_id']).where('sha256', 'in', texts(param.sha256s)),
)
const setProtected = query((db, param: { mediaId: string; isProtected: boolean }) =>
  db
    .updateTable('media')
    .set({ protected: param.isProtected as unknown as number })
    .where('media_id', '=', param.mediaId),
)

type Quarantine = Parameters<MediaStandingWriter['quarantine']>[0]
const quarantine = defineWrite('mediaStanding.quarantine', async (tx, input: Quarantine): Promise<number> => {
  let count = 0
  for (const name of input.names) {
    const own = name.server === input.own ? await tx.first(ownMedia, name) : undefined
    if (name.server === input.own && (own === undefined || own.protected === 1)) continue
    if ((await tx.all(quarantinedName, name)).length === 0) count++
    const copies = name.server === input.own ? [] : await tx.all(copiesOf, name)
    const hashes = own === undefined ? copies.map(({ sha256 }) => sha256) : [own.sha256 ?? '']
    const rows: string[] = ['']
    for (const sha256 of hashes) if ((await tx.first(protectedOf, { sha256 })) === undefined) rows.push(sha256)
    await tx.insertMany(
      insertQuarantined,
      [...new Set(rows)].map((sha256) => ({
        ...{ server: name.server, media_id: name.mediaId, sha256 },
        ...{ quarantined_by: input.by, quarantined_ms: input.atMs },
      })),
    )
  }
  return count
})
const unquarantine = defineWrite('mediaStanding.unquarantine', async (tx, name: MediaName): Promise<void> => {
  const own = await tx.first(ownMedia, name)
  const known = await tx.all(quarantinedName, name)
  const copies = await tx.all(copiesOf, name)
  const hashes = [...known, ...copies, { sha256: own?.sha256 ?? '' }]
  const sha256s = hashes.map(({ sha256 }) => sha256).filter((sha256) => sha256 !== '')
  // All that has the same bytes goes together.
  const together = sha256s.length === 0 ? [] : await tx.all(namesWithBytes, { sha256s })
  await tx.run(takeName, name)
  for (const { server, media_id: mediaId } of together)
    await tx.run(takeName, { server: server as ServerName, mediaId })
})
const protect = defineWrite(
  'mediaStanding.protect',
  async (tx, input: { readonly mediaId: string; readonly isProtected: boolean }): Promise<void> => {
    if ((await tx.run(setProtected, input)) === 0) throw new WriteConflict('media-unknown')
  },
)

export const mediaStandingWrites = [quarantine, unquarantine, protect]

export const mediaStandingWriter: MediaStandingWriter = {
  quarantine,
  unquarantine,
  protect: (mediaId, isProtected) => protect({ mediaId, isProtected }),
}

export const mediaStandingReader = (db: Db): MediaStandingReader => ({
  quarantinedBy: async (name, sha256 = '') => (await db.first(quarantiner, { ...name, sha256 }))?.quarantined_by,
  page: async ({ user = -1, order, direction, offset, limit }: MediaPageQuery) => {
    const pages = PAGES.get(order)
    if (pages === undefined) throw new Error(`media have no order by ${order}`)
    const [rows, [count]] = await Promise.all([
      db.longAll(pages[direction], { user, offset, limit }),
      db.longAll(counted, { user }),
    ])
    return { media: rows.map(toOverview), total: count?.total ?? 0 }
  },
  overview: async (mediaId) => {
    const row = await db.first(one, { mediaId })
    return row === undefined ? undefined : toOverview(row)
  },
  copies: async (name) => {
    const quarantinedBy = (await db.first(quarantiner, { ...name, sha256: '' }))?.quarantined_by
    return (await db.all(copiesOf, name)).map(
      (row): CopyOverview => ({
        server: row.server as ServerName,
        mediaId: row.media_id,
        usedAtMs: row.used_ms,
        sizeBytes: row.size_bytes,
        contentType: row.content_type,
        fileName: row.file_name ?? undefined,
        sha256: row.sha256,
        quarantinedBy,
      }),
    )
  },
  old: async (wish) => (await db.longAll(oldOnes, wish)).map(({ media_id }) => media_id),
  ofUser: async (user, after, limit) => (await db.all(mediaOfUser, { user, after, limit })).map((row) => row.media_id),
  avatars: async () => {
    const fields = await db.longAll(avatarFields, {})
    const rooms = await db.longAll(roomAvatars, {})
    const urls = [...fields.map(({ value_json }) => parsed(value_json)), ...rooms.map(({ json }) => avatarIn(json))]
    return new Set(urls.filter((url): url is string => typeof url === 'string'))
  },
  eventsWithMedia: (room, after, limit) => db.longAll(withMedia, { room, ...after, limit }),
})

const parsed = (json: string): unknown => JSON.parse(json)

const avatarIn = (json: string): string | undefined => {
  const event = parsed(json)
  return isJsonObject(event) && isJsonObject(event.content) ? stringAt(event.content, 'url') : undefined
}

interface OverviewRow {
  readonly media_id: string
  readonly user_id: UserId | null
  readonly created_ms: number
  readonly used_ms: number | null
  readonly size_bytes: number
  readonly content_type: string | null
  readonly file_name: string | null
  readonly sha256: string
  readonly quarantined_by: string | null
  readonly protected: number
}

const toOverview = (row: OverviewRow): MediaOverview => ({
  mediaId: row.media_id,
  userId: row.user_id ?? undefined,
  createdAtMs: row.created_ms,
  usedAtMs: row.used_ms ?? undefined,
  sizeBytes: row.size_bytes,
  contentType: row.content_type ?? 'application/octet-stream',
  fileName: row.file_name ?? undefined,
  sha256: row.sha256,
  quarantinedBy: row.quarantined_by ?? undefined,
  isProtected: row.protected === 1,
})

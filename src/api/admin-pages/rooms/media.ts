import type { AdministerMedia, AdministerPeople } from '#domain'
import { loadAdminPages } from '#pages'
import { type JsonObject, MatrixError, type ServerName, stringAt } from '#spec'
import type { AdminMedia } from '#views'
import { csvReply, isoOf, nextOffset, offsetOf, orderOf, PAGE_ROWS, pagesOf, stateOf, textOf } from '../lists.ts'
import { actorOf, at, type PageHandler, seeOther, type Visit } from '../visit.ts'
import { ROOMS, roomIdOf } from './rooms.ts'

export interface MediaPageDeps {
  readonly adminMedia: Pick<AdminMedia, 'page' | 'info' | 'ofRoom'>
  readonly administerMedia: AdministerMedia
  readonly people: AdministerPeople
  readonly mediaServer: ServerName
}

type Deed = PageHandler<MediaPageDeps>
type Row = Awaited<ReturnType<AdminMedia['page']>>['media'][number]

const SECTION = '/admin/media'
const ORDERS = ['upload_name', 'media_length', 'media_type', 'created_ts', 'last_access_ts'] as const

const questionOf = async (visit: Visit, { people }: MediaPageDeps) => {
  const { order, descending } = orderOf(visit, ORDERS, { order: 'created_ts', descending: true })
  const term = textOf(visit.query.q)
  const account = term === undefined ? undefined : await people.account(term)
  const direction = descending ? ('descending' as const) : ('ascending' as const)
  return {
    userId: account?.userId,
    question: { order, direction, ...(account === undefined ? {} : { user: account.user }) },
  }
}

export const media: Deed = async (visit, deps) => {
  const { frameOf, mediaPage } = await loadAdminPages()
  const { userId, question } = await questionOf(visit, deps)
  const offset = offsetOf(visit)
  const { media: rows, total } = await deps.adminMedia.page({ ...question, offset, limit: PAGE_ROWS })
  const next = nextOffset(offset, rows.length, total)
  return mediaPage(frameOf(visit), { state: stateOf(visit), rows, total, next, userId })
}

export const mediaCsv: Deed = async (visit, deps) => {
  const { question } = await questionOf(visit, deps)
  return csvReply<Row>(
    'media',
    {
      media_id: ({ mediaId }) => mediaId,
      name: ({ fileName }) => fileName,
      bytes: ({ sizeBytes }) => sizeBytes,
      type: ({ contentType }) => contentType,
      user: ({ userId }) => userId,
      uploaded: ({ createdAtMs }) => isoOf(createdAtMs),
      last_used: ({ usedAtMs }) => isoOf(usedAtMs),
      quarantined_by: ({ quarantinedBy }) => quarantinedBy,
      protected: ({ isProtected }) => isProtected,
    },
    pagesOf(async (offset, limit) => (await deps.adminMedia.page({ ...question, offset, limit })).media),
  )
}

const nameOf = ({ params }: Visit, { mediaServer: server }: MediaPageDeps) => ({
  server,
  mediaId: params.mediaId ?? '',
})

const numberAt = (info: JsonObject, name: string): number | undefined => {
  const value = info[name]
  return typeof value === 'number' ? value : undefined
}

export const oneMedia: Deed = async (visit, deps) => {
  const { frameOf, oneMediaPage } = await loadAdminPages()
  const name = nameOf(visit, deps)
  const info = await deps.adminMedia.info(name)
  if (info === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such media')
  return oneMediaPage(frameOf(visit), {
    ...name,
    userId: stringAt(info, 'user_id'),
    createdAtMs: numberAt(info, 'created_ts'),
    usedAtMs: numberAt(info, 'last_access_ts'),
    sizeBytes: numberAt(info, 'media_length') ?? 0,
    contentType: stringAt(info, 'media_type') ?? '',
    fileName: stringAt(info, 'upload_name'),
    sha256: stringAt(info, 'sha256') ?? '',
    quarantinedBy: stringAt(info, 'quarantined_by'),
    isProtected: info.safe_from_quarantine === true,
  })
}

const isTo = ({ fields }: Visit): boolean => fields.get('to') === 'yes'

export const quarantine: Deed = async (visit, deps) => {
  const name = nameOf(visit, deps)
  if (isTo(visit)) await deps.administerMedia.quarantine(name, actorOf(visit))
  else await deps.administerMedia.unquarantine(name, actorOf(visit))
  return seeOther(at(SECTION, name.mediaId), 'saved')
}

export const protect: Deed = async (visit, deps) => {
  const { mediaId } = nameOf(visit, deps)
  await deps.administerMedia.setProtected(mediaId, isTo(visit), actorOf(visit))
  return seeOther(at(SECTION, mediaId), 'saved')
}

export const askDeleteMedia: Deed = async (visit, deps) => {
  const { deleteMediaPage, frameOf } = await loadAdminPages()
  return deleteMediaPage(frameOf(visit), nameOf(visit, deps).mediaId)
}

export const deleteMedia: Deed = async (visit, deps) => {
  const [deleted] = await deps.administerMedia.delete([nameOf(visit, deps).mediaId], actorOf(visit))
  if (deleted === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such media')
  return seeOther(SECTION, 'media-deleted')
}

const timeIn = ({ fields }: Visit): number => Date.parse(`${fields.get('before') ?? ''}Z`)
const NO_TIME = 'This is no such time.'

export const askOld: Deed = async (visit) => {
  const { deleteOldMediaPage, frameOf } = await loadAdminPages()
  return deleteOldMediaPage(frameOf(visit))
}

export const deleteOld: Deed = async (visit, { administerMedia }) => {
  const { deleteOldMediaPage, frameOf } = await loadAdminPages()
  const beforeMs = timeIn(visit)
  const size = textOf(visit.fields.get('size')) ?? '0'
  if (Number.isNaN(beforeMs)) return deleteOldMediaPage(frameOf(visit), NO_TIME)
  if (!/^\d{1,15}$/.test(size)) return deleteOldMediaPage(frameOf(visit), 'A size is a whole number of bytes.')
  const wish = { before_ms: beforeMs, size_gt: Number(size), keep_profiles: true }
  return seeOther(at('/admin/jobs', await administerMedia.deleteOld(wish, actorOf(visit))), 'started')
}

export const askCache: Deed = async (visit) => {
  const { frameOf, purgeCachePage } = await loadAdminPages()
  return purgeCachePage(frameOf(visit))
}

export const purgeCache: Deed = async (visit, { administerMedia }) => {
  const { frameOf, purgeCachePage } = await loadAdminPages()
  const beforeMs = timeIn(visit)
  if (Number.isNaN(beforeMs)) return purgeCachePage(frameOf(visit), NO_TIME)
  return seeOther(at('/admin/jobs', await administerMedia.purgeCache(beforeMs, actorOf(visit))), 'started')
}

export const askQuarantinePerson: Deed = async (visit, { people }) => {
  const { frameOf, quarantineAllPage } = await loadAdminPages()
  const { userId } = await people.account(visit.params.userId ?? '')
  return quarantineAllPage(frameOf(visit), { kind: 'person', id: userId })
}

export const quarantinePerson: Deed = async (visit, { people, administerMedia }) => {
  const { userId } = await people.account(visit.params.userId ?? '')
  return seeOther(at('/admin/jobs', await administerMedia.quarantineUser(userId, actorOf(visit))), 'started')
}

export const askQuarantineRoom: Deed = async (visit) => {
  const { frameOf, quarantineAllPage } = await loadAdminPages()
  return quarantineAllPage(frameOf(visit), { kind: 'room', id: roomIdOf(visit) })
}

export const quarantineRoom: Deed = async (visit, { administerMedia }) =>
  seeOther(at('/admin/jobs', await administerMedia.quarantineRoom(roomIdOf(visit), actorOf(visit))), 'started')

const ofRoom = async (visit: Visit, { adminMedia, mediaServer }: MediaPageDeps) => {
  const found = await adminMedia.ofRoom(roomIdOf(visit))
  if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'This server knows no such room')
  const own = `mxc://${mediaServer}/`
  return [...found.local, ...found.remote].map((uri) => ({
    uri,
    mediaId: uri.startsWith(own) ? uri.slice(own.length) : undefined,
  }))
}

export const roomMedia: Deed = async (visit, deps) => {
  const { frameOf, roomMediaPage } = await loadAdminPages()
  const roomId = roomIdOf(visit)
  const all = await ofRoom(visit, deps)
  const offset = offsetOf(visit)
  const rows = all.slice(offset, offset + PAGE_ROWS)
  return roomMediaPage(frameOf(visit), {
    ...{ roomId, rows },
    state: stateOf(visit, at(ROOMS, roomId, 'media')),
    total: all.length,
    next: nextOffset(offset, rows.length, all.length),
  })
}

export const roomMediaCsv: Deed = async (visit, deps) => {
  const all = await ofRoom(visit, deps)
  return csvReply<(typeof all)[number]>(
    'room-media',
    { media: ({ uri }) => uri },
    (async function* () {
      yield all
    })(),
  )
}

import type { AdministerRooms, AuditLog } from '#domain'
import { loadAdminPages } from '#pages'
import { MatrixError, parseUserId, type RoomId, stringAt, type UserId } from '#spec'
import type { AdminRoomDetails } from '#views'
import { textOf } from '../lists.ts'
import { actorOf, at, type PageHandler, seeOther, type Visit } from '../visit.ts'
import { ROOMS, roomIdOf } from './rooms.ts'

export interface RoomPageDeps {
  readonly administerRooms: AdministerRooms
  readonly adminRoomDetails: Pick<AdminRoomDetails, 'details'>
  readonly roomOverviews: {
    overview(roomId: RoomId): Promise<RoomOverview | undefined>
    blocked(roomId: RoomId): Promise<unknown>
  }
  readonly directory: {
    setPublished(
      roomId: RoomId,
      published: boolean,
      asker: { readonly userId: UserId; readonly admin: boolean },
    ): Promise<void>
  }
  readonly auditLog: Pick<AuditLog, 'record'>
}

type RoomOverview = Parameters<Awaited<ReturnType<typeof loadAdminPages>>['roomPage']>[1]['room']

type Deed = PageHandler<RoomPageDeps>

export const room: Deed = async (visit, { adminRoomDetails, roomOverviews }) => {
  const { frameOf, roomPage } = await loadAdminPages()
  const roomId = roomIdOf(visit)
  const [details, overview, blocked] = await Promise.all([
    adminRoomDetails.details(roomId),
    roomOverviews.overview(roomId),
    roomOverviews.blocked(roomId),
  ])
  if (overview === undefined) throw new MatrixError('M_NOT_FOUND', 'This server knows no such room')
  return roomPage(frameOf(visit), {
    room: overview,
    topic: stringAt(details, 'topic'),
    replacement: stringAt(details, 'replacement_room'),
    blocked: blocked !== undefined,
  })
}

const isTo = ({ fields }: Visit): boolean => fields.get('to') === 'yes'

export const publish: Deed = async (visit, { directory, auditLog }) => {
  const roomId = roomIdOf(visit)
  await directory.setPublished(roomId, isTo(visit), { userId: visit.session.userId, admin: true })
  const action = isTo(visit) ? 'room.publish' : 'room.unpublish'
  await auditLog.record({ ...actorOf(visit), action, subject: roomId, details: {} })
  return seeOther(at(ROOMS, roomId), 'saved')
}

export const block: Deed = async (visit, { administerRooms }) => {
  const roomId = roomIdOf(visit)
  await administerRooms.setBlocked(roomId, isTo(visit), actorOf(visit))
  return seeOther(at(ROOMS, roomId), isTo(visit) ? 'blocked' : 'unblocked')
}

type DeedPages = Awaited<ReturnType<typeof loadAdminPages>>
type DeedPage = 'purgePage' | 'deleteRoomPage' | 'moderatorPage'
type Refusal = Parameters<DeedPages['purgePage']>[1]['refusal']

const asked = async (visit: Visit, page: DeedPage, refusal?: Refusal) => {
  const pages = await loadAdminPages()
  return pages[page](pages.frameOf(visit), { roomId: roomIdOf(visit), refusal })
}

const refusing =
  (page: DeedPage, act: Deed): Deed =>
  async (visit, deps) => {
    try {
      return await act(visit, deps)
    } catch (error) {
      if (!(error instanceof MatrixError) || error.status >= 500) throw error
      return asked(visit, page, { status: error.status, text: `${error.message}.` })
    }
  }

/** Throws `M_INVALID_PARAM` unless the room's id was typed. */
const needConfirmed = ({ fields }: Visit, roomId: RoomId): void => {
  if (fields.get('confirmed')?.trim() !== roomId)
    throw new MatrixError('M_INVALID_PARAM', 'What you typed is not the room id; nothing was changed')
}

export const askPurge: Deed = (visit) => asked(visit, 'purgePage')
export const askDelete: Deed = (visit) => asked(visit, 'deleteRoomPage')
export const askModerator: Deed = (visit) => asked(visit, 'moderatorPage')

export const purge: Deed = refusing('purgePage', async (visit, { administerRooms }) => {
  const roomId = roomIdOf(visit)
  needConfirmed(visit, roomId)
  const atMs = Date.parse(`${visit.fields.get('before') ?? ''}Z`)
  if (Number.isNaN(atMs)) throw new MatrixError('M_INVALID_PARAM', 'This is no such time')
  const localOnes = visit.fields.get('local') === 'yes'
  const job = await administerRooms.purgeHistory(roomId, { atMs }, localOnes, actorOf(visit))
  return seeOther(at('/admin/jobs', job), 'started')
})

export const deleteRoom: Deed = refusing('deleteRoomPage', async (visit, { administerRooms }) => {
  const roomId = roomIdOf(visit)
  needConfirmed(visit, roomId)
  const message = textOf(visit.fields.get('message'))
  const wish = {
    block: visit.fields.get('block') === 'yes',
    purge: true,
    ...(message === undefined ? {} : { message, newRoomUserId: visit.session.userId }),
  }
  const job = await administerRooms.delete(roomId, wish, actorOf(visit))
  return seeOther(at('/admin/jobs', job), 'started')
})

export const giveModerator: Deed = refusing('moderatorPage', async (visit, { administerRooms }) => {
  const roomId = roomIdOf(visit)
  const userId = parseUserId(visit.fields.get('user')?.trim() ?? '')
  if (userId === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no user id')
  await administerRooms.makeAdmin(roomId, userId, actorOf(visit))
  return seeOther(at(ROOMS, roomId), 'power-given')
})

import Type from 'typebox'
import type { MomentsElsewhere } from '#domain'
import { type AnyEndpoint, endpoint, user, v1Only } from '#http'
import { MatrixError } from '#spec'
import type { NearestEvent, NearInTime, Timeline } from '#views'
import { roomIdOf } from '../own-user.ts'
import { RoomIdPath, readersOf } from '../room-path.ts'

export interface RoomEventByTimestampDeps {
  readonly nearInTime: Pick<NearInTime, 'nearest'>
  readonly momentsElsewhere: Pick<MomentsElsewhere, 'nearer'>
  readonly timeline: Pick<Timeline, 'mayRead' | 'event'>
}

const Time = Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })

/** `room_event_by_timestamp.yaml`. */
export const roomEventByTimestampEndpoints = ({
  nearInTime,
  momentsElsewhere,
  timeline,
}: RoomEventByTimestampDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v1Only('/rooms/:roomId/timestamp_to_event'),
    auth: user(),
    rateLimit: 'read',
    params: RoomIdPath,
    allows: readersOf(timeline),
    query: Type.Object({ ts: Time, dir: Type.Enum(['f', 'b']) }),
    handler: async ({ requester, params, query: { ts, dir } }): Promise<NearestEvent> => {
      const request = { roomId: roomIdOf(params.roomId), ts, direction: dir === 'f' ? 'forward' : 'backward' } as const
      const known = await foundOrNot(nearInTime.nearest(request, requester))
      const nearer = await momentsElsewhere.nearer(request, known)
      // Rooms that another server found are shown by the same rule as everything else.
      const isSeen = nearer && (await foundOrNot(timeline.event(request.roomId, nearer.event_id, requester)))
      const found = isSeen === undefined ? known : nearer
      if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such event that you may read')
      return found
    },
  }),
]

const foundOrNot = async <Value>(asked: Promise<Value>): Promise<Value | undefined> => {
  try {
    return await asked
  } catch (error) {
    if (error instanceof MatrixError && error.errcode === 'M_NOT_FOUND') return undefined
    throw error
  }
}

import Type from 'typebox'
import { type AnyEndpoint, endpoint, user, v1Only } from '#http'
import type { NearestEvent, NearInTime, Timeline } from '#views'
import { roomIdOf } from '../own-user.ts'
import { RoomIdPath, readersOf } from '../room-path.ts'

export interface RoomEventByTimestampDeps {
  readonly nearInTime: Pick<NearInTime, 'nearest'>
  readonly timeline: Pick<Timeline, 'mayRead'>
}

const Time = Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })

/** `room_event_by_timestamp.yaml`. */
export const roomEventByTimestampEndpoints = ({
  nearInTime,
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
      const direction = dir === 'f' ? 'forward' : 'backward'
      return nearInTime.nearest({ roomId: roomIdOf(params.roomId), ts, direction }, requester)
    },
  }),
]

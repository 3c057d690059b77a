import Type from 'typebox'
import { type AnyEndpoint, endpoint, RawJson, StreamedJson, server } from '#http'
import type { NearestEvent, ServedHistory, ServedMoment, ServedState } from '#views'
import { roomIdOf } from '../client/own-user.ts'
import { eventIdOf, RoomIdPath } from '../client/room-path.ts'

export interface ServedEventsDeps {
  readonly servedHistory: Pick<ServedHistory, 'event'>
  readonly servedState: Pick<ServedState, 'before'>
  readonly servedMoment: Pick<ServedMoment, 'nearest'>
}

const Time = Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })

/** `events.yaml`. */
export const servedEventsEndpoints = (deps: ServedEventsDeps): readonly AnyEndpoint[] => [
  stateEndpoint('/_matrix/federation/v1/state/:roomId', 'events', deps),
  stateEndpoint('/_matrix/federation/v1/state_ids/:roomId', 'ids', deps),
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/event/:eventId'],
    auth: server(),
    rateLimit: 'read',
    params: Type.Object({ eventId: Type.String() }),
    handler: async ({ requester, params }) =>
      new RawJson(await deps.servedHistory.event(eventIdOf(params.eventId), requester.serverName)),
  }),
  endpoint({
    method: 'GET',
    paths: [
      '/_matrix/federation/v1/timestamp_to_event/:roomId',
      // Of when it was a proposal (MSC3030).
      '/_matrix/federation/unstable/org.matrix.msc3030/timestamp_to_event/:roomId',
    ],
    auth: server(),
    rateLimit: 'read',
    params: RoomIdPath,
    query: Type.Object({ ts: Time, dir: Type.Enum(['f', 'b']) }),
    handler: async ({ requester, params, query: { ts, dir } }): Promise<NearestEvent> => {
      const direction = dir === 'f' ? 'forward' : 'backward'
      return deps.servedMoment.nearest({ roomId: roomIdOf(params.roomId), ts, direction }, requester.serverName)
    },
  }),
]

const stateEndpoint = (path: string, form: 'events' | 'ids', { servedState }: ServedEventsDeps): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths: [path],
    auth: server(),
    rateLimit: 'read',
    costly: true,
    params: RoomIdPath,
    query: Type.Object({ event_id: Type.String() }),
    handler: async ({ requester, params, query }) =>
      new StreamedJson(
        await servedState.before(roomIdOf(params.roomId), eventIdOf(query.event_id), requester.serverName, form),
      ),
  })

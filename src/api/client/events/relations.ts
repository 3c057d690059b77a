import Type, { type Static } from 'typebox'
import { type AnyEndpoint, endpoint, RawJson, type Requester, user, v1Only } from '#http'
import type { Relations } from '#views'
import { roomIdOf } from '../own-user.ts'
import { eventIdOf, plainText } from '../room-path.ts'

export interface RelationsDeps {
  readonly relations: Pick<Relations, 'page'>
}

const Page = Type.Object({
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  dir: Type.Optional(Type.Enum(['b', 'f'])),
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  recurse: Type.Optional(Type.Boolean()),
})

interface Parent {
  readonly roomId: string
  readonly eventId: string
  readonly relType?: string
  readonly eventType?: string
}

const PATH = '/rooms/:roomId/relations/:eventId'
const [RoomId, EventId, RelType, EventType] = [Type.String(), Type.String(), Type.String(), Type.String()]

/** `relations.yaml`: the three paths differ in what they narrow down to. */
export const relationsEndpoints = ({ relations }: RelationsDeps): readonly AnyEndpoint[] => {
  const answer = async (parent: Parent, page: Static<typeof Page>, requester: Requester): Promise<RawJson> => {
    const { dir, from, to, limit, recurse = false } = page
    const request = {
      roomId: roomIdOf(parent.roomId),
      eventId: eventIdOf(parent.eventId),
      relType: parent.relType === undefined ? undefined : plainText(parent.relType),
      eventType: parent.eventType === undefined ? undefined : plainText(parent.eventType),
      direction: dir === 'f' ? ('forward' as const) : ('backward' as const),
      ...{ from, to, limit, recurse },
    }
    return new RawJson(await relations.page(request, requester))
  }
  return [
    endpoint({
      method: 'GET',
      paths: v1Only(PATH),
      auth: user({ guests: true }),
      rateLimit: 'read',
      costly: true,
      params: Type.Object({ roomId: RoomId, eventId: EventId }),
      query: Page,
      handler: ({ requester, params, query }) => answer(params, query, requester),
    }),
    endpoint({
      method: 'GET',
      paths: v1Only(`${PATH}/:relType`),
      auth: user({ guests: true }),
      rateLimit: 'read',
      costly: true,
      params: Type.Object({ roomId: RoomId, eventId: EventId, relType: RelType }),
      query: Page,
      handler: ({ requester, params, query }) => answer(params, query, requester),
    }),
    endpoint({
      method: 'GET',
      paths: v1Only(`${PATH}/:relType/:eventType`),
      auth: user({ guests: true }),
      rateLimit: 'read',
      costly: true,
      params: Type.Object({ roomId: RoomId, eventId: EventId, relType: RelType, eventType: EventType }),
      query: Page,
      handler: ({ requester, params, query }) => answer(params, query, requester),
    }),
  ]
}

import { Type } from 'typebox'
import type { AdministerServer } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { type JsonObject, MatrixError, parseServerName, type ServerName } from '#spec'
import { type AdminDestinations, DESTINATION_ORDERS, type DestinationNow, retryInMs } from '#views'
import { actorOf } from '../actor.ts'
import { nextToken, PAGE_QUERY, pageOf } from '../paging.ts'

export interface DestinationsAdminDeps {
  readonly destinations: Pick<AdminDestinations, 'page' | 'find' | 'rooms'>
  readonly server: Pick<AdministerServer, 'retry'>
  readonly nowMs: () => number
}

const BASE = '/_synapse/admin/v1/federation/destinations'
const DestinationPath = Type.Object({ destination: Type.String({ maxLength: 255 }) })

/** The other servers, and how the sending to each does. */
export const destinationsAdminEndpoints = (deps: DestinationsAdminDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [BASE],
    auth: admin(),
    rateLimit: 'read',
    query: Type.Object({
      ...PAGE_QUERY,
      order_by: Type.Optional(Type.Enum([...DESTINATION_ORDERS])),
      destination: Type.Optional(Type.String({ maxLength: 255 })),
    }),
    handler: async ({ query }): Promise<JsonObject> => {
      const { from: offset, limit } = pageOf(query)
      const { order_by: order = 'destination', destination: term, dir } = query
      const page = await deps.destinations.page({ offset, limit, order, term, reversed: dir === 'b' })
      const nowMs = deps.nowMs()
      const destinations = page.destinations.map((one) => destinationJson(one, nowMs))
      return { destinations, total: page.total, ...nextToken(offset, destinations.length, page.total) }
    },
  }),
  endpoint({
    method: 'GET',
    paths: [`${BASE}/:destination`],
    auth: admin(),
    rateLimit: 'read',
    params: DestinationPath,
    handler: async ({ params }): Promise<JsonObject> =>
      destinationJson(await known(params.destination, deps), deps.nowMs()),
  }),
  endpoint({
    method: 'GET',
    paths: [`${BASE}/:destination/rooms`],
    auth: admin(),
    rateLimit: 'read',
    params: DestinationPath,
    query: Type.Object(PAGE_QUERY),
    handler: async ({ params, query }): Promise<JsonObject> => {
      const { server } = await known(params.destination, deps)
      const { from: offset, limit } = pageOf(query)
      const { roomIds, total } = await deps.destinations.rooms(server, { offset, limit, reversed: query.dir === 'b' })
      // The last event sent is kept for a server as a whole, not for each of its rooms.
      const rooms = roomIds.map((room_id) => ({ room_id, stream_ordering: null }))
      return { rooms, total, ...nextToken(offset, rooms.length, total) }
    },
  }),
  endpoint({
    method: 'POST',
    paths: [`${BASE}/:destination/reset_connection`],
    auth: admin(),
    rateLimit: 'other',
    params: DestinationPath,
    handler: async ({ requester, params }) => {
      const { server, failures } = await known(params.destination, deps)
      if (failures === 0)
        throw new MatrixError('M_UNKNOWN', 'The server is not waiting to be tried again', { status: 400 })
      await deps.server.retry(server, actorOf(requester))
      return {}
    },
  }),
]

/** In the form of Synapse. The time of the last try is not kept: that of the first failure stands for it, as "failing" is what tools make of it. */
const destinationJson = (one: DestinationNow, nowMs: number): JsonObject => ({
  destination: one.server,
  retry_last_ts: one.failures === 0 ? 0 : (one.failingSinceMs ?? 0),
  retry_interval: one.failures === 0 ? 0 : retryInMs(one, nowMs),
  failure_ts: one.failures === 0 ? null : (one.failingSinceMs ?? null),
  last_successful_stream_ordering: null,
})

/** Throws `M_NOT_FOUND`. */
const known = async (text: string, { destinations }: DestinationsAdminDeps): Promise<DestinationNow> => {
  const server: ServerName | undefined = parseServerName(text)
  const found = server === undefined ? undefined : await destinations.find(server)
  if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'Unknown destination')
  return found
}

import Type from 'typebox'
import type { AppserviceQueries } from '#domain'
import { type AnyEndpoint, endpoint, RawJson, user, v3 } from '#http'
import { type JsonObject, MatrixError, parseUserId } from '#spec'

export interface ThirdPartyLookupDeps {
  readonly queries: Pick<
    AppserviceQueries,
    'protocols' | 'protocol' | 'locations' | 'users' | 'locationsOf' | 'usersOf' | 'knowsProtocol'
  >
}

const ProtocolPath = Type.Object({ protocol: Type.String() })
const MAX_FIELDS = 50
const MAX_FIELD_LENGTH = 1_000

/** The fields of a lookup, as they came; the access token is nothing that a service is told. */
const fieldsIn = (query: object): URLSearchParams => {
  const fields = new URLSearchParams()
  for (const [name, value] of Object.entries(query).slice(0, MAX_FIELDS))
    if (name !== 'access_token' && name !== 'user_id' && typeof value === 'string' && value.length <= MAX_FIELD_LENGTH)
      fields.set(name, value)
  return fields
}

/** `third_party_lookup.yaml`. */
export const thirdPartyLookupEndpoints = ({ queries }: ThirdPartyLookupDeps): readonly AnyEndpoint[] => {
  const inProtocol = (kind: 'location' | 'user', found: 'locations' | 'users'): AnyEndpoint =>
    endpoint({
      method: 'GET',
      paths: v3(`/thirdparty/${kind}/:protocol`),
      auth: user(),
      rateLimit: 'read',
      params: ProtocolPath,
      query: Type.Object({}),
      handler: async ({ params: { protocol }, query }) => {
        if (!queries.knowsProtocol(protocol)) throw unknownProtocol()
        return listed(await queries[found](protocol, fieldsIn(query)))
      },
    })
  return [
    endpoint({
      method: 'GET',
      paths: v3('/thirdparty/protocols'),
      auth: user(),
      rateLimit: 'read',
      handler: () => queries.protocols(),
    }),
    endpoint({
      method: 'GET',
      paths: v3('/thirdparty/protocol/:protocol'),
      auth: user(),
      rateLimit: 'read',
      params: ProtocolPath,
      handler: async ({ params }) => {
        const told = await queries.protocol(params.protocol)
        if (told === undefined) throw unknownProtocol()
        return told
      },
    }),
    inProtocol('location', 'locations'),
    inProtocol('user', 'users'),
    endpoint({
      method: 'GET',
      paths: v3('/thirdparty/location'),
      auth: user(),
      rateLimit: 'read',
      query: Type.Object({ alias: Type.String({ maxLength: 255 }) }),
      handler: async ({ query }) => listed(await queries.locationsOf(query.alias)),
    }),
    endpoint({
      method: 'GET',
      paths: v3('/thirdparty/user'),
      auth: user(),
      rateLimit: 'read',
      query: Type.Object({ userid: Type.String({ maxLength: 255 }) }),
      handler: async ({ query }) => {
        const userId = parseUserId(query.userid)
        return listed(userId === undefined ? [] : await queries.usersOf(userId))
      },
    }),
  ]
}

const unknownProtocol = (): MatrixError => new MatrixError('M_NOT_FOUND', 'No network of that protocol is connected')

/** Throws `M_NOT_FOUND` where nothing was found, as the official data has it. */
const listed = (found: readonly JsonObject[]): RawJson => {
  if (found.length === 0) throw new MatrixError('M_NOT_FOUND', 'It leads to no other network')
  return new RawJson(JSON.stringify(found))
}

import Type from 'typebox'
import { type AnyEndpoint, endpoint, user, v3 } from '#http'
import { MatrixError } from '#spec'

const ProtocolPath = Type.Object({ protocol: Type.String() })

/** Lookups in one protocol. There is none, as no application service brings one. */
const inProtocol = (path: string): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths: v3(path),
    auth: user(),
    rateLimit: 'read',
    params: ProtocolPath,
    handler: async () => {
      throw new MatrixError('M_NOT_FOUND', 'No network of that protocol is connected')
    },
  })

/** Lookups by an alias or a user in all protocols. */
const inAllProtocols = (path: string, named: string): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths: v3(path),
    auth: user(),
    rateLimit: 'read',
    query: Type.Object({ [named]: Type.String() }),
    handler: async () => {
      throw new MatrixError('M_NOT_FOUND', 'It leads to no other network')
    },
  })

/** `third_party_lookup.yaml`, of a server to which no other network is connected. */
export const thirdPartyLookupEndpoints = (): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/thirdparty/protocols'),
    auth: user(),
    rateLimit: 'read',
    handler: async () => ({}),
  }),
  inProtocol('/thirdparty/protocol/:protocol'),
  inProtocol('/thirdparty/location/:protocol'),
  inProtocol('/thirdparty/user/:protocol'),
  inAllProtocols('/thirdparty/location', 'alias'),
  inAllProtocols('/thirdparty/user', 'userid'),
]

import Type from 'typebox'
import type { KeyNotary, KeyQuestion } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import { type JsonObject, MatrixError, parseServerName, type ServerName } from '#spec'

export interface KeysQueryDeps {
  readonly keyNotary: Pick<KeyNotary, 'answers'>
}

/** Of one request; each server may have to be asked. */
const MAX_SERVERS = 200
const MAX_KEYS = 32

const criteria = Type.Object({ minimum_valid_until_ts: Type.Optional(Type.Integer()) })
const body = Type.Object({
  server_keys: Type.Record(
    Type.String(),
    Type.Record(Type.String({ maxLength: 255 }), criteria, { maxProperties: MAX_KEYS }),
    { maxProperties: MAX_SERVERS },
  ),
})

const serverNameOf = (text: string): ServerName => {
  const server = parseServerName(text)
  if (server === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no server name')
  return server
}

type Criteria = Readonly<Record<string, { readonly minimum_valid_until_ts?: number | undefined }>>

const questionOf = ([name, keys]: readonly [string, Criteria]): KeyQuestion => {
  const times = Object.values(keys).flatMap(({ minimum_valid_until_ts: at }) => (at === undefined ? [] : [at]))
  return {
    server: serverNameOf(name),
    keyIds: Object.keys(keys),
    minimumValidUntilMs: times.length === 0 ? undefined : Math.max(...times),
  }
}

/** `keys_query.yaml`: keys of third servers. Whoever asks need not be a server. */
export const keysQueryEndpoints = ({ keyNotary }: KeysQueryDeps): readonly AnyEndpoint[] => {
  const answered = async (questions: readonly KeyQuestion[]): Promise<JsonObject> => ({
    server_keys: await keyNotary.answers(questions),
  })
  return [
    endpoint({
      method: 'GET',
      // Older servers name a key.
      paths: ['/_matrix/key/v2/query/:serverName', '/_matrix/key/v2/query/:serverName/:keyId'],
      auth: none(),
      rateLimit: 'other',
      costly: true,
      params: Type.Object({ serverName: Type.String(), keyId: Type.Optional(Type.String({ maxLength: 255 })) }),
      query: Type.Object({ minimum_valid_until_ts: Type.Optional(Type.String({ pattern: '^\\d{1,15}$' })) }),
      handler: async ({ params: { serverName, keyId = '' }, query: { minimum_valid_until_ts: at } }) =>
        answered([
          {
            server: serverNameOf(serverName),
            keyIds: keyId === '' ? [] : [keyId],
            minimumValidUntilMs: at === undefined ? undefined : Number(at),
          },
        ]),
    }),
    endpoint({
      method: 'POST',
      paths: ['/_matrix/key/v2/query'],
      auth: none(),
      rateLimit: 'other',
      costly: true,
      body,
      handler: async ({ body: { server_keys: asked } }) => answered(Object.entries(asked).map(questionOf)),
    }),
  ]
}

import { type AnyEndpoint, endpoint, none, v1Only } from '#http'
import { type JsonObject, MatrixError } from '#spec'

const UNSTABLE = '/_matrix/client/unstable/org.matrix.msc2965'

const page = (paths: readonly [string, ...string[]], content: JsonObject | undefined): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths,
    auth: none(),
    rateLimit: 'read',
    handler: async (): Promise<JsonObject> => {
      if (content === undefined) throw new MatrixError('M_UNRECOGNIZED', 'This server has no OAuth 2.0 API')
      return content
    },
  })

/** Names that clients of before version 1.18 look for among the actions. */
const OLD_ACTIONS = ['org.matrix.sessions_list', 'org.matrix.session_view', 'org.matrix.session_end']

const ofProposal = (metadata: JsonObject | undefined): JsonObject | undefined => {
  const actions = metadata?.account_management_actions_supported
  if (!Array.isArray(actions)) return metadata
  return { ...metadata, account_management_actions_supported: [...actions, ...OLD_ACTIONS] }
}

/** `oauth_server_metadata.yaml`, the names of before it, and those of RFC 8414 and OpenID Connect. `metadata`: undefined where there is no OAuth. */
export const metadataEndpoints = (metadata: JsonObject | undefined): readonly AnyEndpoint[] => [
  page(v1Only('/auth_metadata'), metadata),
  page([`${UNSTABLE}/auth_metadata`], ofProposal(metadata)),
  page([`${UNSTABLE}/auth_issuer`], metadata === undefined ? undefined : { issuer: metadata.issuer ?? '' }),
  page(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'], metadata),
]

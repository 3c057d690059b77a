import { Type } from 'typebox'
import {
  DEVICE_GRANT,
  DEVICE_GRANT_INTERVAL_MS,
  DEVICE_GRANT_LIFETIME_MS,
  type DeviceGrants,
  type GrantTokens,
  OAUTH_PATHS,
  type OAuthClients,
  OAuthRefusal,
  parseScope,
} from '#domain'
import { type AnyEndpoint, addressKey, endpoint, type FormFields, none } from '#http'
import type { JsonObject } from '#spec'
import { answered, oauthReply, refusedAs } from './oauth-answers.ts'

export interface OAuthClientDeps {
  readonly issuer: string
  readonly clients: OAuthClients
  readonly deviceGrants: DeviceGrants
  readonly grantTokens: GrantTokens
}

const REGISTRATION_LIMIT_BYTES = 16 * 1024
const FORM_LIMIT_BYTES = 16 * 1024
const FORM = {
  auth: none(),
  body: 'form',
  bodyLimitBytes: FORM_LIMIT_BYTES,
  errorPage: refusedAs('invalid_request'),
} as const

/** A parameter that has to be there. Throws `invalid_request`. */
const needed = (fields: FormFields, name: string): string => {
  const value = fields.get(name)
  if (value === undefined || value === '') throw new OAuthRefusal('invalid_request', `${name} is missing`)
  return value
}

/** The endpoints that clients call themselves. */
export const oauthClientEndpoints = (deps: OAuthClientDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: [OAUTH_PATHS.register],
    auth: none(),
    rateLimit: 'login',
    body: Type.Record(Type.String(), Type.Unknown()),
    bodyLimitBytes: REGISTRATION_LIMIT_BYTES,
    errorPage: refusedAs('invalid_client_metadata'),
    handler: ({ body }) =>
      answered(async () => {
        const { clientId, metadata, issuedAtMs } = await deps.clients.register(body as JsonObject)
        const issued = { client_id: clientId, client_id_issued_at: Math.floor(issuedAtMs / 1_000) }
        return oauthReply(201, { ...issued, ...metadata })
      }),
  }),
  endpoint({
    method: 'POST',
    paths: [OAUTH_PATHS.token],
    ...FORM,
    rateLimit: 'other',
    handler: ({ body, ip, userAgent }) =>
      answered(async () => oauthReply(200, { ...(await tokensFor(deps.grantTokens, body, { ip, userAgent })) })),
  }),
  endpoint({
    method: 'POST',
    paths: [OAUTH_PATHS.revoke],
    ...FORM,
    rateLimit: 'other',
    handler: ({ body }) =>
      answered(async () => {
        await deps.grantTokens.revoke(needed(body, 'token'))
        return oauthReply(200, {})
      }),
  }),
  endpoint({
    method: 'POST',
    paths: [OAUTH_PATHS.device],
    ...FORM,
    rateLimit: 'login',
    handler: ({ body, ip }) => answered(() => beginDevice(deps, body, ip)),
  }),
]

const tokensFor = (grants: GrantTokens, fields: FormFields, from: Parameters<GrantTokens['byCode']>[1]) => {
  const grant = needed(fields, 'grant_type')
  const clientId = needed(fields, 'client_id')
  switch (grant) {
    case 'authorization_code': {
      const [code, redirectUri] = [needed(fields, 'code'), needed(fields, 'redirect_uri')]
      return grants.byCode({ clientId, code, redirectUri, verifier: needed(fields, 'code_verifier') }, from)
    }
    case 'refresh_token':
      return grants.byRefreshToken(clientId, needed(fields, 'refresh_token'))
    case DEVICE_GRANT:
      return grants.byDeviceCode(clientId, needed(fields, 'device_code'), from)
    default:
      throw new OAuthRefusal('unsupported_grant_type', 'This server has no such grant')
  }
}

/** RFC 8628, section 3.2. */
const beginDevice = async ({ clients, deviceGrants, issuer }: OAuthClientDeps, fields: FormFields, ip: string) => {
  const client = await clients.client(needed(fields, 'client_id'))
  if (client === undefined) throw new OAuthRefusal('invalid_client', 'The client is unknown: register it again')
  if (!client.metadata.grant_types.includes(DEVICE_GRANT))
    throw new OAuthRefusal('unauthorized_client', 'The client did not register for this grant')
  if (fields.has('prompt')) throw new OAuthRefusal('invalid_request', 'prompt has no place in this grant')
  const { deviceCode, userCode } = await deviceGrants.begin(
    client.clientId,
    parseScope(needed(fields, 'scope')),
    addressKey(ip),
  )
  const page = `${issuer}${OAUTH_PATHS.link}`
  return oauthReply(200, {
    device_code: deviceCode,
    user_code: userCode,
    verification_uri: page,
    verification_uri_complete: `${page}?user_code=${userCode}`,
    expires_in: DEVICE_GRANT_LIFETIME_MS / 1_000,
    interval: DEVICE_GRANT_INTERVAL_MS / 1_000,
  })
}

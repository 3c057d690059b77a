import type { JsonObject } from '#spec'
import { GRANT_TYPES } from './client-metadata.ts'

/** The paths below the issuer. */
export const OAUTH_PATHS = {
  authorize: '/oauth/authorize',
  token: '/oauth/token',
  revoke: '/oauth/revoke',
  register: '/oauth/clients',
  device: '/oauth/device',
  /** The page for the code that a device shows. */
  link: '/oauth/link',
} as const

export interface ServerMetadataParts {
  readonly issuer: string
  /** Whether people can make accounts by themselves. */
  readonly registration: boolean
  readonly accountPage: string
  readonly accountActions: readonly string[]
}

/** RFC 8414; client-server API, "Server metadata discovery" and "Account management URL discovery". */
export const serverMetadata = (parts: ServerMetadataParts): JsonObject => {
  const { issuer, registration, accountPage, accountActions } = parts
  return {
    issuer,
    authorization_endpoint: `${issuer}${OAUTH_PATHS.authorize}`,
    token_endpoint: `${issuer}${OAUTH_PATHS.token}`,
    revocation_endpoint: `${issuer}${OAUTH_PATHS.revoke}`,
    registration_endpoint: `${issuer}${OAUTH_PATHS.register}`,
    device_authorization_endpoint: `${issuer}${OAUTH_PATHS.device}`,
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment'],
    grant_types_supported: [...GRANT_TYPES],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    scopes_supported: ['urn:matrix:client:api:*', 'urn:matrix:client:device:*'],
    authorization_response_iss_parameter_supported: true,
    prompt_values_supported: [...(registration ? ['create'] : []), 'none', 'login', 'consent', 'select_account'],
    account_management_uri: `${issuer}${accountPage}`,
    account_management_actions_supported: [...accountActions],
  }
}

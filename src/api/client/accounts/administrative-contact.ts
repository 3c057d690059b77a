import { Type } from 'typebox'
import type { ManageThirdPartyIds } from '#domain'
import { type AnyEndpoint, byLegacyLogin, byOwner, endpoint, sinceProposal, sinceV2, user, v3 } from '#http'
import { AuthData, pick, uiaReply } from '../authentication/auth-schemas.ts'
import { type RequestTokenDeps, requestTokenEndpoints } from './request-token.ts'

export interface AdministrativeContactDeps extends RequestTokenDeps {
  readonly thirdPartyIds: ManageThirdPartyIds
}

const PATH = '/account/3pid'
const OWNER = byOwner(byLegacyLogin(user()))
const Named = Type.Object({
  medium: Type.Union([Type.Literal('email'), Type.Literal('msisdn')]),
  address: Type.String(),
  id_server: Type.Optional(Type.String()),
})

/** `administrative_contact.yaml`. */
export const administrativeContactEndpoints = (deps: AdministrativeContactDeps): readonly AnyEndpoint[] => [
  ...listEndpoints(deps),
  ...identityServerEndpoints(deps),
  ...requestTokenEndpoints(PATH, 'add', deps),
]

const listEndpoints = ({ thirdPartyIds }: AdministrativeContactDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV2(PATH),
    auth: user(),
    rateLimit: 'read',
    handler: ({ requester }) => thirdPartyIds.list(requester),
  }),
  endpoint({
    method: 'POST',
    paths: sinceV2(PATH),
    auth: OWNER,
    rateLimit: 'login',
    body: Type.Object({
      // An object, or an array of one as clients of 2015 send it.
      three_pid_creds: Type.Optional(Type.Unknown()),
      threePidCreds: Type.Optional(Type.Unknown()),
      bind: Type.Optional(Type.Boolean()),
    }),
    handler: async ({ requester, body, path }) => {
      const creds = body.three_pid_creds ?? body.threePidCreds
      // "Previously this endpoint supported a `bind` parameter": it counts under the older paths.
      const bind = body.bind === true && !path.startsWith('/_matrix/client/v3/')
      await thirdPartyIds.addAndBind(requester, creds, bind)
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: sinceProposal(`${PATH}/add`),
    auth: OWNER,
    rateLimit: 'login',
    body: Type.Object({
      auth: Type.Optional(AuthData),
      client_secret: Type.Optional(Type.String()),
      sid: Type.Optional(Type.String()),
    }),
    handler: async ({ requester, body }) =>
      uiaReply(
        await thirdPartyIds.addConfirmed(requester, pick(body, ['client_secret', 'sid']), body.auth),
        () => ({}),
      ),
  }),
]

const identityServerEndpoints = ({ thirdPartyIds }: AdministrativeContactDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceProposal(`${PATH}/bind`),
    auth: OWNER,
    rateLimit: 'login',
    body: Type.Object({
      client_secret: Type.String(),
      id_server: Type.String(),
      // "Servers can treat this as optional to distinguish between r0.5-compatible clients and this specification version."
      id_access_token: Type.Optional(Type.String()),
      sid: Type.String(),
    }),
    handler: async ({ requester, body }) => {
      await thirdPartyIds.bind(requester, {
        idServer: body.id_server,
        accessToken: body.id_access_token,
        sid: body.sid,
        clientSecret: body.client_secret,
      })
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: v3(`${PATH}/delete`),
    // "Change or add admin contacts, but not remove."
    auth: byOwner(byLegacyLogin(user({ suspended: false }))),
    rateLimit: 'login',
    body: Named,
    handler: ({ requester, body }) => thirdPartyIds.remove(requester, { ...body, idServer: body.id_server }),
  }),
  endpoint({
    method: 'POST',
    paths: sinceProposal(`${PATH}/unbind`),
    auth: OWNER,
    rateLimit: 'login',
    body: Named,
    handler: ({ requester, body }) => thirdPartyIds.unbind(requester, { ...body, idServer: body.id_server }),
  }),
]

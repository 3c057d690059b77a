import { Type } from 'typebox'
import {
  type GetLoginToken,
  givesTickets,
  identifierIn,
  type LogIn,
  parseDeviceId,
  type ServiceAccounts,
  type SignIn,
  type SignInProvider,
} from '#domain'
import { type AnyEndpoint, endpoint, none, serviceOrNobody, v3 } from '#http'
import { type JsonObject, MatrixError } from '#spec'
import { serviceOf } from '../appservices/asking-appservice.ts'
import { AnyObject } from './auth-schemas.ts'

export interface LoginDeps {
  readonly logIn: LogIn
  readonly getLoginToken: Pick<GetLoginToken, 'redeem'>
  readonly signIn: Pick<SignIn, 'providers'>
  readonly serviceAccounts: Pick<ServiceAccounts, 'logIn' | 'service' | 'anyService'>
}

const Body = Type.Object({
  type: Type.String(),
  identifier: Type.Optional(AnyObject),
  user: Type.Optional(Type.String()),
  medium: Type.Optional(Type.String()),
  address: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  token: Type.Optional(Type.String()),
  device_id: Type.Optional(Type.String()),
  initial_device_display_name: Type.Optional(Type.String()),
  refresh_token: Type.Optional(Type.Boolean()),
})

/** `definitions/sso_login_flow.yaml`. */
type LoginFlow = {
  readonly type: string
  readonly get_login_token?: true
  /** "Only offer that auth flow to the user"; the second name is that of MSC3824. */
  readonly oauth_aware_preferred?: true
  readonly 'org.matrix.msc3824.delegated_oidc_compatibility'?: true
  readonly identity_providers?: readonly {
    readonly id: string
    readonly name: string
    readonly icon?: string
    readonly brand?: string
  }[]
}

const PREFERRED = {
  oauth_aware_preferred: true,
  'org.matrix.msc3824.delegated_oidc_compatibility': true,
} as const

const ssoFlow = (providers: readonly SignInProvider[], hasOAuth: boolean): LoginFlow => ({
  type: 'm.login.sso',
  ...(hasOAuth ? PREFERRED : {}),
  identity_providers: providers.map(({ id, name, brand, icon }) => ({
    id,
    name,
    ...(icon === undefined ? {} : { icon }),
    ...(brand === undefined ? {} : { brand }),
  })),
})

/** `login.yaml`. */
export const loginEndpoints = ({
  logIn,
  getLoginToken,
  signIn,
  serviceAccounts,
  hasOAuth,
}: LoginDeps & { readonly hasOAuth: boolean }): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/login'),
    auth: none(),
    rateLimit: 'login',
    handler: async (): Promise<{ flows: readonly LoginFlow[] }> => ({
      flows: [
        { type: 'm.login.password' },
        // With OAuth its pages take all: passwords and providers.
        ...(signIn.providers.length === 0 && !hasOAuth ? [] : [ssoFlow(signIn.providers, hasOAuth)]),
        // The name of the flow in r0.4.0, "CAS-based client login".
        ...(signIn.providers.some(givesTickets) ? [{ type: 'm.login.cas' }] : []),
        { type: 'm.login.token', get_login_token: true },
        ...(serviceAccounts.anyService ? [{ type: 'm.login.application_service' }] : []),
      ],
    }),
  }),
  endpoint({
    method: 'POST',
    paths: v3('/login'),
    auth: serviceOrNobody(),
    rateLimit: 'login',
    body: Body,
    handler: async ({ requester, query, header, body, ip, userAgent }) => {
      const session = {
        deviceId: body.device_id === undefined ? undefined : parseDeviceId(body.device_id),
        displayName: body.initial_device_display_name,
        refreshable: body.refresh_token === true,
        from: { ip, userAgent },
      }
      switch (body.type) {
        case 'm.login.password': {
          const identifier = identifierIn(body as JsonObject)
          if (body.password === undefined) throw new MatrixError('M_MISSING_PARAM', 'password is missing')
          return logIn.withPassword({ identifier, password: body.password, ...session })
        }
        case 'm.login.token': {
          if (body.token === undefined) throw new MatrixError('M_MISSING_PARAM', 'token is missing')
          const userId = await getLoginToken.redeem(body.token)
          if (userId === undefined) throw new MatrixError('M_FORBIDDEN', 'The login token is used, expired or wrong')
          return logIn.asUser({ userId, ...session })
        }
        case 'm.login.application_service': {
          const service = serviceOf({ requester, query, header }, serviceAccounts)
          return serviceAccounts.logIn(service, identifierIn(body as JsonObject), session)
        }
        default:
          throw new MatrixError('M_UNKNOWN', 'Unknown login type', { status: 400 })
      }
    },
  }),
]

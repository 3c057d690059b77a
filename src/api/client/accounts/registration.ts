import { type Static, Type } from 'typebox'
import {
  parseDeviceId,
  REGISTRATION_MEMBERS,
  type Register,
  type RegisterGuest,
  type RegistrationPolicy,
  type ServiceAccounts,
} from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, none, serviceOrNobody, sinceV2, v3 } from '#http'
import { MatrixError } from '#spec'
import { serviceOf } from '../appservices/asking-appservice.ts'
import { AuthData, pick, uiaReply } from '../authentication/auth-schemas.ts'
import { type RequestTokenDeps, requestTokenEndpoints } from './request-token.ts'

export interface RegistrationDeps extends RequestTokenDeps {
  readonly register: Register
  readonly registerGuest: RegisterGuest
  readonly registrationPolicy: Pick<RegistrationPolicy, 'assertAvailable'>
  readonly serviceAccounts: ServiceAccounts
}

const Query = Type.Object({ kind: Type.Optional(Type.Union([Type.Literal('user'), Type.Literal('guest')])) })

const Body = Type.Object({
  auth: Type.Optional(AuthData),
  type: Type.Optional(Type.String()),
  username: Type.Optional(Type.String({ maxLength: 255 })),
  password: Type.Optional(Type.String()),
  device_id: Type.Optional(Type.String({ maxLength: 255 })),
  initial_device_display_name: Type.Optional(Type.String({ maxLength: 1_000 })),
  inhibit_login: Type.Optional(Type.Boolean()),
  refresh_token: Type.Optional(Type.Boolean()),
  // Sent by clients until 2019.
  bind_email: Type.Optional(Type.Boolean()),
  // Sent by guests who want a full account: in clients and servers since 2015, though not in the specification.
  guest_access_token: Type.Optional(Type.String({ maxLength: 255 })),
})

const sessionIn = (
  body: Static<typeof Body>,
  from: { readonly ip: string; readonly userAgent: string | undefined },
) => ({
  deviceId: body.device_id === undefined ? undefined : parseDeviceId(body.device_id),
  displayName: body.initial_device_display_name,
  refreshable: body.refresh_token === true,
  from,
})

/** `registration.yaml`. */
export const registrationEndpoints = ({
  register,
  registerGuest,
  registrationPolicy,
  serviceAccounts,
  requestEmailToken,
}: RegistrationDeps): readonly AnyEndpoint[] => [
  ...requestTokenEndpoints('/register', 'register', { requestEmailToken }),
  endpoint({
    method: 'POST',
    paths: sinceV2('/register'),
    auth: serviceOrNobody(),
    rateLimit: 'registration',
    query: Query,
    body: Body,
    bodyOptional: true,
    handler: async ({ requester, query, body, ip, userAgent, path, header }) => {
      const from = { ip, userAgent }
      if (query.kind === 'guest') return registerGuest.run(body.initial_device_display_name, from)
      if (body.type === 'm.login.application_service') {
        const service = serviceOf({ requester, query, header }, serviceAccounts)
        if (body.username === undefined) throw new MatrixError('M_MISSING_PARAM', 'username is missing')
        return serviceAccounts.register(
          service,
          body.username,
          body.inhibit_login === true ? undefined : sessionIn(body, from),
        )
      }
      const { auth } = body
      const request = { body: pick(body, REGISTRATION_MEMBERS), auth, from, anyOrder: isOldPath(path) }
      return uiaReply(await register.user(request), (account) => account)
    },
  }),
  endpoint({
    method: 'GET',
    paths: v3('/register/available'),
    auth: none(),
    rateLimit: 'registration',
    query: Type.Object({ username: Type.String() }),
    handler: async ({ query }): Promise<{ available: true }> => {
      await registrationPolicy.assertAvailable(query.username)
      return { available: true }
    },
  }),
]

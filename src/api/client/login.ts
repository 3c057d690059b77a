import { Type } from 'typebox'
import { identifierIn, type LogIn, parseDeviceId } from '#domain'
import { type AnyEndpoint, endpoint, v3 } from '#http'
import { type JsonObject, MatrixError } from '#spec'
import { AnyObject } from './auth-schemas.ts'

export interface LoginDeps {
  readonly logIn: LogIn
}

const Body = Type.Object({
  type: Type.String(),
  identifier: Type.Optional(AnyObject),
  user: Type.Optional(Type.String()),
  medium: Type.Optional(Type.String()),
  address: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  device_id: Type.Optional(Type.String()),
  initial_device_display_name: Type.Optional(Type.String()),
  refresh_token: Type.Optional(Type.Boolean()),
})

/** `login.yaml`. */
export const loginEndpoints = ({ logIn }: LoginDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/login'),
    auth: 'none',
    rateLimit: 'login',
    handler: async () => ({ flows: [{ type: 'm.login.password' }] }),
  }),
  endpoint({
    method: 'POST',
    paths: v3('/login'),
    auth: 'none',
    rateLimit: 'login',
    body: Body,
    handler: async ({ body, ip, userAgent }) => {
      if (body.type !== 'm.login.password') {
        throw new MatrixError('M_UNKNOWN', 'This login type is not known here', { status: 400 })
      }
      const identifier = identifierIn(body as JsonObject)
      if (body.password === undefined) throw new MatrixError('M_MISSING_PARAM', 'password is missing')
      return logIn.withPassword({
        identifier,
        password: body.password,
        deviceId: body.device_id === undefined ? undefined : parseDeviceId(body.device_id),
        displayName: body.initial_device_display_name,
        refreshable: body.refresh_token === true,
        from: { ip, userAgent },
      })
    },
  }),
]

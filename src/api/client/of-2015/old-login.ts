import { Type } from 'typebox'
import { identifierIn, type LogIn, type LogIn2015, parseDeviceId } from '#domain'
import { type AnyEndpoint, endpoint, none, oldPaths } from '#http'
import { type JsonObject, MatrixError } from '#spec'
import { AnyJson, AnyObject } from '../authentication/auth-schemas.ts'
import {
  flowsReply,
  LOGIN_2015_MEMBERS,
  login2015Reply,
  offeredType,
} from '../authentication/interactive-login-2015.ts'

export interface OldLoginDeps {
  readonly logIn: LogIn
  readonly oldLogIn: LogIn2015
}

const PATHS = [oldPaths('/login')[0]] as const
const PASSWORD = 'm.login.password'

/** "Registration and Login" of the first version. A login by password is one request, as today; one in several requests has a session. */
export const oldLoginEndpoints = ({ logIn, oldLogIn }: OldLoginDeps): readonly AnyEndpoint[] => {
  const flows = () => [[PASSWORD], ...oldLogIn.flows]
  return [
    endpoint({
      method: 'GET',
      paths: PATHS,
      auth: none(),
      rateLimit: 'login',
      handler: async () => flowsReply(flows()),
    }),
    endpoint({
      method: 'POST',
      paths: PATHS,
      auth: none(),
      rateLimit: 'login',
      body: Type.Object({
        ...LOGIN_2015_MEMBERS,
        // The name in the Swagger of that time, which requires no type either.
        username: Type.Optional(Type.String({ maxLength: 255 })),
        identifier: Type.Optional(AnyObject),
        medium: Type.Optional(Type.String()),
        address: Type.Optional(Type.String()),
        threepidCreds: Type.Optional(AnyJson),
        threepid_creds: Type.Optional(AnyJson),
      }),
      handler: async ({ body, ip, userAgent }) => {
        const { username, ...rest } = body
        const given = username === undefined || body.user !== undefined ? rest : { ...rest, user: username }
        const isBare = body.type === undefined && given.user !== undefined && body.password !== undefined
        const type = isBare ? PASSWORD : offeredType(body.type, flows())
        const session = {
          deviceId: body.device_id === undefined ? undefined : parseDeviceId(body.device_id),
          displayName: body.initial_device_display_name,
          refreshable: false,
          from: { ip, userAgent },
        }
        if (type !== PASSWORD) return login2015Reply(await oldLogIn.run(given as JsonObject, session), type)
        const identifier = identifierIn(given as JsonObject)
        if (body.password === undefined) throw new MatrixError('M_MISSING_PARAM', 'password is missing')
        return logIn.withPassword({ ...session, identifier, password: body.password })
      },
    }),
  ]
}

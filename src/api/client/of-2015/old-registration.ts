import { Type } from 'typebox'
import type { Registration2015 } from '#domain'
import { type AnyEndpoint, endpoint, none, oldPaths } from '#http'
import { type JsonObject, MatrixError } from '#spec'
import { AnyJson } from '../authentication/auth-schemas.ts'
import {
  flowsReply,
  LOGIN_2015_MEMBERS,
  login2015Reply,
  offeredType,
} from '../authentication/interactive-login-2015.ts'

export interface OldRegistrationDeps {
  readonly oldSignUp: Registration2015
}

const PATHS = [oldPaths('/register')[0]] as const

/** "Registration and Login" of the first version, in several requests. The second version registers as today. */
export const oldRegistrationEndpoints = ({ oldSignUp }: OldRegistrationDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: PATHS,
    auth: none(),
    rateLimit: 'registration',
    handler: async () => flowsReply(oldSignUp.flows),
  }),
  endpoint({
    method: 'POST',
    paths: PATHS,
    auth: none(),
    rateLimit: 'registration',
    body: Type.Object({
      ...LOGIN_2015_MEMBERS,
      threepidCreds: Type.Optional(AnyJson),
      threepid_creds: Type.Optional(AnyJson),
      bind_email: Type.Optional(Type.Boolean()),
    }),
    handler: async ({ body, ip, userAgent }) => {
      if (body.type === 'm.login.application_service') {
        throw new MatrixError('M_FORBIDDEN', 'Application services register at the paths of today')
      }
      if (oldSignUp.flows.length === 0) throw new MatrixError('M_FORBIDDEN', 'Registration is closed on this server')
      const type = offeredType(body.type, oldSignUp.flows)
      return login2015Reply(await oldSignUp.run(body as JsonObject, { ip, userAgent }), type)
    },
  }),
]

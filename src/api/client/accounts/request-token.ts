import { Type } from 'typebox'
import type { EmailTokenParams, RequestEmailToken } from '#domain'
import { type AnyEndpoint, endpoint, none, sinceV2, v3 } from '#http'
import { MatrixError } from '#spec'

export interface RequestTokenDeps {
  readonly requestEmailToken: RequestEmailToken
}

/** `definitions/request_email_validation.yaml`. */
const EmailBody = Type.Object({
  client_secret: Type.String(),
  email: Type.String(),
  send_attempt: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  next_link: Type.Optional(Type.String()),
  id_server: Type.Optional(Type.String()),
  id_access_token: Type.Optional(Type.String()),
})

/** `definitions/request_msisdn_validation.yaml`. */
const PhoneBody = Type.Object({
  client_secret: Type.String(),
  country: Type.String(),
  phone_number: Type.String(),
  send_attempt: Type.Integer(),
  next_link: Type.Optional(Type.String()),
})

/** The two `requestToken` endpoints below a path, the first also under the prefix of 2015. */
export const requestTokenEndpoints = (
  path: string,
  purpose: EmailTokenParams['purpose'],
  { requestEmailToken }: RequestTokenDeps,
): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV2(`${path}/email/requestToken`),
    auth: none(),
    rateLimit: 'mail',
    body: EmailBody,
    handler: ({ body }) =>
      requestEmailToken.run({
        email: body.email,
        clientSecret: body.client_secret,
        sendAttempt: body.send_attempt,
        nextLink: body.next_link,
        idServer: body.id_server,
        accessToken: body.id_access_token,
        purpose,
      }),
  }),
  endpoint({
    method: 'POST',
    paths: v3(`${path}/msisdn/requestToken`),
    auth: none(),
    rateLimit: 'other',
    body: PhoneBody,
    handler: async () => {
      throw new MatrixError('M_THREEPID_MEDIUM_NOT_SUPPORTED', 'This server sends no text messages')
    },
  }),
]

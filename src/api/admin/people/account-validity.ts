import { Type } from 'typebox'
import type { AdministerPeople } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import type { JsonObject } from '#spec'
import { actorOf } from '../actor.ts'

export interface AccountValidityDeps {
  readonly people: AdministerPeople
}

/** Until when an account can be used. There is no period for all accounts here, so the time has to be named. */
export const accountValidityEndpoints = ({ people }: AccountValidityDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/_synapse/admin/v1/account_validity/validity'],
    auth: admin(),
    rateLimit: 'other',
    body: Type.Object({
      user_id: Type.String({ maxLength: 1_024 }),
      expiration_ts: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
      enable_renewal_emails: Type.Optional(Type.Boolean()),
    }),
    handler: async ({ requester, body }): Promise<JsonObject> => {
      const { user_id: userId, expiration_ts: untilMs, enable_renewal_emails: mails = true } = body
      await people.setExpiry(actorOf(requester), await people.account(userId), untilMs, mails)
      return { expiration_ts: untilMs }
    },
  }),
]

import { Type } from 'typebox'
import type { ActAsPeople, AdministerPeople } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { actorOf } from '../actor.ts'
import { UserPath } from './user-path.ts'

export interface ActAsDeps {
  readonly people: AdministerPeople
  readonly actAsPeople: ActAsPeople
}

/** Acting as somebody, and for somebody. */
export const actAsEndpoints = ({ people, actAsPeople }: ActAsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/_synapse/admin/v1/users/:userId/login'],
    auth: admin(),
    rateLimit: 'login',
    params: UserPath,
    body: Type.Object({ valid_until_ms: Type.Optional(Type.Integer({ maximum: Number.MAX_SAFE_INTEGER })) }),
    bodyOptional: true,
    handler: async ({ requester, params, body }) => {
      const account = await people.account(params.userId)
      return { access_token: await actAsPeople.logIn(actorOf(requester), account, body.valid_until_ms) }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/_synapse/admin/v1/users/:userId/_allow_cross_signing_replacement_without_uia'],
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    handler: async ({ requester, params }) => {
      const account = await people.account(params.userId)
      return { updatable_without_uia_before_ms: await actAsPeople.permitKeyReplacement(actorOf(requester), account) }
    },
  }),
]

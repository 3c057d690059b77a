import Type from 'typebox'
import { type AccountData, MAX_CONTENT_BYTES, PUSH_RULES, type PushRules } from '#domain'
import { type AnyEndpoint, endpoint, RawJson, sinceV2, user } from '#http'
import { AnyObject, requireOwn, roomIdOf } from '../own-user.ts'

export interface AccountDataDeps {
  readonly accountData: Pick<AccountData, 'get' | 'put' | 'remove'>
  readonly pushRules: Pick<PushRules, 'ruleset'>
}

const GLOBAL = Type.Object({ userId: Type.String(), type: Type.String() })
const IN_ROOM = Type.Object({ userId: Type.String(), roomId: Type.String(), type: Type.String() })

const GLOBAL_PATHS = sinceV2('/user/:userId/account_data/:type')
const ROOM_PATHS = sinceV2('/user/:userId/rooms/:roomId/account_data/:type')

/** MSC3391, under its unstable name alone: older versions of matrix-js-sdk (Element) ask by it. */
const REMOVAL = '/_matrix/client/unstable/org.matrix.msc3391/user/:userId'

/** `account-data.yaml`. */
export const accountDataEndpoints = ({ accountData, pushRules }: AccountDataDeps): readonly AnyEndpoint[] => [
  ...removalEndpoints(accountData),
  endpoint({
    method: 'PUT',
    paths: GLOBAL_PATHS,
    auth: user(),
    rateLimit: 'other',
    params: GLOBAL,
    body: AnyObject,
    bodyLimitBytes: MAX_CONTENT_BYTES,
    handler: async ({ requester, params, body }) => {
      requireOwn(requester, params.userId)
      await accountData.put(requester.user, undefined, params.type, body)
      return {}
    },
  }),
  endpoint({
    method: 'GET',
    paths: GLOBAL_PATHS,
    auth: user(),
    rateLimit: 'read',
    params: GLOBAL,
    handler: async ({ requester, params }) => {
      requireOwn(requester, params.userId)
      if (params.type === PUSH_RULES) return new RawJson(JSON.stringify({ global: await pushRules.ruleset(requester) }))
      return new RawJson(await accountData.get(requester.user, undefined, params.type))
    },
  }),
  endpoint({
    method: 'PUT',
    paths: ROOM_PATHS,
    auth: user(),
    rateLimit: 'other',
    params: IN_ROOM,
    body: AnyObject,
    bodyLimitBytes: MAX_CONTENT_BYTES,
    handler: async ({ requester, params, body }) => {
      requireOwn(requester, params.userId)
      await accountData.put(requester.user, roomIdOf(params.roomId), params.type, body)
      return {}
    },
  }),
  endpoint({
    method: 'GET',
    paths: ROOM_PATHS,
    auth: user(),
    rateLimit: 'read',
    params: IN_ROOM,
    handler: async ({ requester, params }) => {
      requireOwn(requester, params.userId)
      return new RawJson(await accountData.get(requester.user, roomIdOf(params.roomId), params.type))
    },
  }),
]

const removalEndpoints = (accountData: Pick<AccountData, 'remove'>): readonly AnyEndpoint[] => [
  endpoint({
    method: 'DELETE',
    paths: [`${REMOVAL}/account_data/:type`],
    auth: user(),
    rateLimit: 'other',
    params: GLOBAL,
    handler: async ({ requester, params }) => {
      requireOwn(requester, params.userId)
      await accountData.remove(requester.user, undefined, params.type)
      return {}
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: [`${REMOVAL}/rooms/:roomId/account_data/:type`],
    auth: user(),
    rateLimit: 'other',
    params: IN_ROOM,
    handler: async ({ requester, params }) => {
      requireOwn(requester, params.userId)
      await accountData.remove(requester.user, roomIdOf(params.roomId), params.type)
      return {}
    },
  }),
]

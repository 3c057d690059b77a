import { Type } from 'typebox'
import { type AdministerPeople, MOST_MESSAGES } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import { OPERATOR } from './operator.ts'

const User = Type.String({ minLength: 1, maxLength: 255 })
const Count = Type.Integer({ minimum: 0, maximum: MOST_MESSAGES })
const Time = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** Commands over the limit of messages, the end and the type of one account, and over whether it reaches anybody. null takes such a setting away. */
export const operatorAccountLimitsEndpoints = (people: AdministerPeople): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/set-limit'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({
      user: User,
      limit: Type.Union([Type.Null(), Type.Object({ messages_per_second: Count, burst_count: Count })]),
    }),
    handler: async ({ body: { user, limit } }) => {
      const account = await people.find(user)
      const own = limit === null ? undefined : { perSecond: limit.messages_per_second, burst: limit.burst_count }
      await people.setRateLimit(OPERATOR, account, own)
      return { user_id: account.userId, limit }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/set-expiry'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, expires_ts: Type.Union([Type.Null(), Time]), mails: Type.Boolean() }),
    handler: async ({ body: { user, expires_ts: untilMs, mails } }) => {
      const account = await people.find(user)
      await people.setExpiry(OPERATOR, account, untilMs ?? undefined, mails)
      return { user_id: account.userId, expires_ts: untilMs }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/set-type'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, user_type: Type.Union([Type.Null(), Type.String({ maxLength: 64 })]) }),
    handler: async ({ body: { user, user_type: type } }) => {
      const account = await people.find(user)
      await people.setType(OPERATOR, account, type ?? undefined)
      return { user_id: account.userId, user_type: type }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/set-shadow-banned'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ user: User, shadow_banned: Type.Boolean() }),
    handler: async ({ body: { user, shadow_banned: banned } }) => {
      const account = await people.find(user)
      await people.setShadowBanned(OPERATOR, account, banned)
      return { user_id: account.userId, shadow_banned: banned }
    },
  }),
]

import { Type } from 'typebox'
import type { SendNotice } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'

export interface OperatorNoticesDeps {
  readonly sendNotice: Pick<SendNotice, 'run'>
}

/** The server speaks to a user, in the room for its notices. */
export const operatorNoticesEndpoints = ({ sendNotice }: OperatorNoticesDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/send-notice'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({
      user: Type.String({ minLength: 1, maxLength: 255 }),
      text: Type.String({ minLength: 1, maxLength: 30_000 }),
    }),
    handler: async ({ body: { user, text } }) => {
      const { userId, eventId } = await sendNotice.run(user, text)
      return { user_id: userId, event_id: eventId }
    },
  }),
]

import { Type } from 'typebox'
import type { AdministerServer } from '#domain'
import { type AnyEndpoint, admin, endpoint, type User } from '#http'
import type { EventId } from '#spec'
import { AnyObject } from '../../client/own-user.ts'
import { plainText, userIdOf } from '../../client/room-path.ts'
import { actorOf } from '../actor.ts'

export interface ServerNoticesDeps {
  readonly server: Pick<AdministerServer, 'sendNotice'>
}

const Notice = Type.Object({
  user_id: Type.String({ maxLength: 255 }),
  content: AnyObject,
  type: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  state_key: Type.Optional(Type.String({ maxLength: 255 })),
})

type Sent = { readonly event_id: EventId }

/** Notices of the server to one of its users. */
export const serverNoticesEndpoints = ({ server }: ServerNoticesDeps): readonly AnyEndpoint[] => {
  const send = async (requester: User, body: Type.Static<typeof Notice>, txnId: string | undefined): Promise<Sent> => {
    const { type = 'm.room.message', content, state_key: stateKey } = body
    const transaction =
      txnId === undefined ? undefined : { device: requester.device, scope: 'server-notice', id: plainText(txnId) }
    const notice = {
      ...{ type: plainText(type), content },
      stateKey: stateKey === undefined ? undefined : plainText(stateKey),
      transaction,
    }
    const { eventId } = await server.sendNotice(userIdOf(body.user_id), notice, actorOf(requester))
    return { event_id: eventId }
  }
  return [
    endpoint({
      method: 'POST',
      paths: ['/_synapse/admin/v1/send_server_notice'],
      auth: admin(),
      rateLimit: 'message',
      body: Notice,
      handler: ({ requester, body }) => send(requester, body, undefined),
    }),
    endpoint({
      method: 'PUT',
      paths: ['/_synapse/admin/v1/send_server_notice/:txnId'],
      auth: admin(),
      rateLimit: 'message',
      params: Type.Object({ txnId: Type.String({ maxLength: 255 }) }),
      body: Notice,
      handler: ({ requester, params, body }) => send(requester, body, params.txnId),
    }),
  ]
}

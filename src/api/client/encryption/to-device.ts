import Type from 'typebox'
import type { ToDevice } from '#domain'
import { type AnyEndpoint, endpoint, user, v3 } from '#http'
import { AnyObject } from '../own-user.ts'
import { plainText } from '../room-path.ts'

export interface ToDeviceDeps {
  readonly toDevice: Pick<ToDevice, 'send'>
}

/** Room for a key for each of 5,000 devices. */
const BODY_LIMIT_BYTES = 12 * 1024 * 1024

/** `to_device.yaml`. */
export const toDeviceEndpoints = ({ toDevice }: ToDeviceDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'PUT',
    paths: v3('/sendToDevice/:eventType/:txnId'),
    auth: user({ guests: true }),
    rateLimit: 'other',
    params: Type.Object({ eventType: Type.String({ maxLength: 255 }), txnId: Type.String({ maxLength: 255 }) }),
    body: Type.Object({ messages: Type.Record(Type.String(), Type.Record(Type.String(), AnyObject)) }),
    bodyLimitBytes: BODY_LIMIT_BYTES,
    handler: async ({ requester, params, body }): Promise<Record<never, never>> => {
      await toDevice.send({
        sender: requester.userId,
        device: requester.device,
        type: plainText(params.eventType),
        transactionId: plainText(params.txnId),
        messages: body.messages,
      })
      return {}
    },
  }),
]

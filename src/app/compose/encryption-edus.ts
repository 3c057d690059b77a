import { directMessagesIn, type Edus, type ToDevice } from '#domain'

/** Takes what other servers say, beside the rooms, to devices of users here. */
export const takeEncryptionEdus = (
  edus: Edus,
  { toDevice }: { readonly toDevice: Pick<ToDevice, 'receive'> },
): void => {
  edus.on('m.direct_to_device', async (origin, content) => {
    const messages = directMessagesIn(content)
    if (messages !== undefined) await toDevice.receive(origin, messages)
  })
}

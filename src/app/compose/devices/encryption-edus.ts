import { directMessagesIn, type Edus, type ListUpdates, senderKeysIn, type ToDevice } from '#domain'

/** Takes what other servers say, beside the rooms, of keys of their users and to devices of users here. */
export const takeEncryptionEdus = (
  edus: Edus,
  { toDevice }: { readonly toDevice: Pick<ToDevice, 'receive'> },
  { listUpdates }: { readonly listUpdates: Pick<ListUpdates, 'deviceChanged' | 'keysChanged' | 'heardFrom'> },
): void => {
  edus.on('m.direct_to_device', async (origin, content) => {
    const messages = directMessagesIn(content)
    if (messages === undefined) return
    await toDevice.receive(origin, messages)
    await listUpdates.heardFrom(messages.sender, senderKeysIn(messages))
  })
  edus.on('m.device_list_update', (origin, content) => listUpdates.deviceChanged(origin, content))
  // The second name is that of before Matrix 1.1.
  for (const type of ['m.signing_key_update', 'org.matrix.signing_key_update'])
    edus.on(type, (origin, content) => listUpdates.keysChanged(origin, content))
}

import { ClientEvent, type MatrixClient } from 'matrix-js-sdk'
import { afterAll, expect, it } from 'vitest'
import type { Json, TestClient } from '../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../support/homeserver.ts'
import { silenceConsole } from './encrypting-client.ts'
import { startClientOfToday } from './sdk-of-today.ts'

silenceConsole()

const STATUS = 'org.matrix.msc4426.status'
const setStatus = (client: TestClient, value: unknown): Promise<Json> =>
  client.put(`/v3/profile/${encodeURIComponent(client.userId)}/${STATUS}`, { [STATUS]: value })

onEveryHomeserver('matrix-js-sdk, as Element Web starts it for the status of users,', (start) => {
  const shared = shareHomeserver(start)
  const running: MatrixClient[] = []
  afterAll(() => {
    for (const client of running) client.stopClient()
  })

  it('holds the status of others, follows its changes, and forgets who left', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    await setStatus(bob, { emoji: '🏊', text: 'swimming' })
    const { userId, accessToken = '', deviceId } = alice
    const account = { userId, accessToken, deviceId }
    const client = await startClientOfToday(homeserver.url, account, { unstableMSC4429SyncUserProfileFields: [STATUS] })
    running.push(client)
    expect(await client.doesServerSupportUnstableFeature('org.matrix.msc4429')).toBe(true)
    expect(await client.store.getUserProfile(bob.userId)).toEqual({ [STATUS]: { emoji: '🏊', text: 'swimming' } })

    const next = (): Promise<readonly [string, unknown]> =>
      new Promise((resolve) => {
        client.once(ClientEvent.UserProfileUpdate, (of, profile) => resolve([of, profile]))
      })
    const changed = next()
    await setStatus(bob, { emoji: '🍵', text: 'tea' })
    expect(await changed).toEqual([bob.userId, { [STATUS]: { emoji: '🍵', text: 'tea' } }])
    const left = next()
    await bob.leave(roomId)
    expect(await left).toEqual([bob.userId, null])
    expect(await client.store.getUserProfile(bob.userId)).toBeUndefined()
  })
})

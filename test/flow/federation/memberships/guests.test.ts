import { expect, it } from 'vitest'
import { TestClient } from '../../../support/client.ts'
import { startFederation } from '../../../support/federation-servers.ts'
import { enc, joinBy } from './two-servers.ts'

it('guests leave when a user of another server ends guest access', async () => {
  await using federation = await startFederation({ settings: { registration: { guests: true } } })
  const [alice, bob] = [await federation.at(0).register('alice'), await federation.at(1).register('bob')]
  const guest = new TestClient(() => federation.at(0).url)
  const { body } = await guest.request('POST', '/v3/register', { query: { kind: 'guest' }, body: {}, token: null })
  guest.userId = body.user_id
  guest.accessToken = body.access_token
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '11' })
  await alice.setState(roomId, 'm.room.guest_access', '', { guest_access: 'can_join' })
  await joinBy(bob, roomId, 'first.example')
  await guest.join(roomId)
  const levels = await alice.ok('GET', `/_matrix/client/v3/rooms/${enc(roomId)}/state/m.room.power_levels`)
  const { next_batch: bobs } = await bob.sync()
  const { next_batch: since } = await guest.sync()
  await alice.setState(roomId, 'm.room.power_levels', '', { ...levels, users: { ...levels.users, [bob.userId]: 100 } })
  await bob.syncUntil(bobs, ({ rooms }) =>
    rooms?.join?.[roomId]?.timeline.events.some(({ type }: { type: string }) => type === 'm.room.power_levels'),
  )
  await bob.setState(roomId, 'm.room.guest_access', '', { guest_access: 'forbidden' })
  await guest.syncUntil(since, ({ rooms }) => rooms?.leave?.[roomId] !== undefined)
  const path = `/_matrix/client/v3/rooms/${enc(roomId)}/state/m.room.member/${enc(guest.userId)}`
  expect(await alice.ok('GET', path)).toMatchObject({ membership: 'leave' })
})

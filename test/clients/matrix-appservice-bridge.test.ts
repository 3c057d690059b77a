import { createServer } from 'node:net'
import { AppServiceRegistration, Bridge, Logger } from 'matrix-appservice-bridge'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RegistrationFolder } from '../flow/appservices/fixture.ts'
import type { Json } from '../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'

Logger.configure({ console: 'off' })

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

let folder: RegistrationFolder
let homeserver: TestHomeserver
let bridge: Bridge
let port = 0
const events: Json[] = []
let heard: () => void = () => {}

beforeEach(async () => {
  port = await freePort()
  const registration = new AppServiceRegistration(`http://127.0.0.1:${port}`)
  registration.setId('judge')
  registration.setHomeserverToken(AppServiceRegistration.generateToken())
  registration.setAppServiceToken(AppServiceRegistration.generateToken())
  registration.setSenderLocalpart('judge_bot')
  registration.setRateLimited(false)
  registration.addRegexPattern('users', '@judge_.*', true)
  registration.addRegexPattern('aliases', '#judge_.*', true)
  folder = new RegistrationFolder({ 'judge.yaml': registration.getOutput() })
  homeserver = await startHomeserver({ settings: { appservices: { files: [folder.path] } } })
  events.length = 0
  bridge = new Bridge({
    homeserverUrl: homeserver.url,
    domain: homeserver.serverName,
    registration,
    disableStores: true,
    controller: {
      onEvent: (request) => {
        events.push(request.getData())
        heard()
      },
      onUserQuery: () => ({}),
    },
  })
  await bridge.run(port, undefined, '127.0.0.1')
})

afterEach(async () => {
  await bridge.close()
  await homeserver.stop()
  folder[Symbol.dispose]()
})

const until = async (found: (event: Json) => boolean): Promise<Json> => {
  for (;;) {
    const event = events.find(found)
    if (event !== undefined) return event
    await new Promise<void>((go) => {
      heard = go
    })
  }
}

describe('a bridge of matrix-appservice-bridge', () => {
  it('makes its users, speaks as them, and hears what people say', async () => {
    const ghost = bridge.getIntent(`@judge_ann:${homeserver.serverName}`)
    await ghost.ensureRegistered()
    await ghost.setDisplayName('Ann of the other network')
    const alice = await homeserver.register('alice')
    const { room_id: roomId } = await ghost.createRoom({ createAsClient: true, options: { preset: 'public_chat' } })
    await alice.join(roomId)
    await alice.sendText(roomId, 'hello bridge')
    expect(await until(({ content }) => content.body === 'hello bridge')).toMatchObject({
      ...{ sender: alice.userId, room_id: roomId, type: 'm.room.message' },
    })
    const { event_id: eventId } = await ghost.sendText(roomId, 'hello alice')
    expect(await alice.getEvent(roomId, eventId)).toMatchObject({
      sender: ghost.userId,
      content: { body: 'hello alice' },
    })
    expect((await alice.get(`/v3/profile/${encodeURIComponent(ghost.userId)}`)).displayname).toBe(
      'Ann of the other network',
    )
  })

  it('hears of invites and joins where people invite its users', async () => {
    const alice = await homeserver.register('alice')
    const ghost = bridge.getIntent(`@judge_ben:${homeserver.serverName}`)
    await ghost.ensureRegistered()
    const roomId = await alice.createRoom()
    await alice.invite(roomId, ghost.userId)
    await until(({ content, state_key }) => content.membership === 'invite' && state_key === ghost.userId)
    await ghost.join(roomId)
    await alice.sendText(roomId, 'welcome')
    expect(await until(({ content }) => content.body === 'welcome')).toMatchObject({ room_id: roomId })
    expect(await bridge.getBot().getJoinedRooms()).toEqual([])
  })
})

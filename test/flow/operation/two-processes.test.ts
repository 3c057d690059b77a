import { expect, it } from 'vitest'
import { askPostgres, createPostgres, onPostgres, postgresUrl } from '../../contract/databases.ts'
import { PASSWORD, TestClient } from '../../support/client.ts'
import { startHomeserver } from '../../support/homeserver.ts'
import { PushGateway, pusherOf, setPusher } from '../../support/other-servers/push-gateway.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { TwoProcesses } from '../../support/two-processes.ts'

const RENEWED_EVERY_MS = 20_000

onPostgres('what one of two processes began', () => {
  it('goes on at the other one, and is done once where both are asked at the same time', async () => {
    await using two = await TwoProcesses.start()
    const [first, second] = await two.register('alice')

    const strangers = two.both.map(({ url }) => new TestClient(url))
    const [here, there] = strangers as [TestClient, TestClient]
    const { session } = (await here.request('POST', '/v3/register', { body: { username: 'bob', password: PASSWORD } }))
      .body
    const auth = { type: 'm.login.dummy', session }
    const made = await Promise.all([here, there].map((one) => one.request('POST', '/v3/register', { body: { auth } })))
    // One makes it. The other one is told of a new session, or, where it came later, of the same account.
    const accounts = made.filter(({ status }) => status === 200).map(({ body }) => [body.user_id, body.device_id])
    expect(accounts.length).toBeGreaterThan(0)
    expect(new Set(accounts.map(String)).size).toBe(1)
    expect(made.filter(({ status }) => status !== 200).map(({ status }) => status)).toEqual(
      Array.from({ length: 2 - accounts.length }, () => 401),
    )

    const password = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: PASSWORD }
    const asked = (await first.request('POST', '/v1/login/get_token', { body: {} })).body
    const given = await second.post('/v1/login/get_token', { auth: { ...password, session: asked.session } })
    const login = { type: 'm.login.token', token: given.login_token }
    const logins = await Promise.all([here, there].map((one) => one.request('POST', '/v3/login', { body: login })))
    expect(logins.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 403])

    const path = '/_matrix/client/api/v1/createRoom/7'
    const { room_id: roomId } = await first.put(path, { name: 'Once' })
    expect(await second.put(path, { name: 'Once' })).toEqual({ room_id: roomId })
    expect((await second.get('/v3/joined_rooms')).joined_rooms).toEqual([roomId])
    await two.terminate()
    expect(two.errors).toBe('')
  })

  it('is pushed by one of them, and by the other one once that has stopped', async () => {
    const database = `homeroom_takeover_${process.pid}`
    await createPostgres(database)
    try {
      const clock = new SteppedClock()
      const settings = {
        push: { allowPrivateAddresses: true },
        storage: { database: postgresUrl(database), severalProcesses: true },
      }
      await using one = await startHomeserver({ clock, settings })
      await using two = await startHomeserver({ clock, settings })
      await using gateway = await PushGateway.start()
      const [alice, bob] = [await one.register('alice'), await one.register('bob')]
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await bob.join(roomId)
      await setPusher(alice, pusherOf(gateway.url))
      const before = await bob.sendText(roomId, 'before')
      expect((await gateway.next()).event_id).toBe(before)

      await one.stop()
      const bobThere = Object.assign(two.client(), { userId: bob.userId, accessToken: bob.accessToken })
      const say = (body: string) => bobThere.send(roomId, 'm.room.message', { msgtype: 'm.text', body }, body)
      const between = await say('between')
      clock.advance(RENEWED_EVERY_MS)
      // A stop may come between a delivery and its note: then that is repeated.
      const first = await gateway.next()
      expect((first.event_id === before ? await gateway.next() : first).event_id).toBe(between)
      const after = await say('after')
      expect((await gateway.next()).event_id).toBe(after)
    } finally {
      await askPostgres(`drop database ${database} with (force)`)
    }
  })
})

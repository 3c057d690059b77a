import { describe, expect, it } from 'vitest'
import { NOT_BUILT } from '#api'
import { PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { isOpenApiPresent, readOperations } from '../../support/openapi.ts'
import { command } from '../../support/operator.ts'

const enc = encodeURIComponent
const SUSPENDED = { status: 403, body: { errcode: 'M_USER_SUSPENDED' } }
const V3 = '/_matrix/client/v3'

/** All that a suspended user may not do with somebody else's event or a message; every other operation is open to them. */
const REFUSED: ReadonlySet<string> = new Set([
  `POST ${V3}/createRoom`,
  `POST ${V3}/join/{roomIdOrAlias}`,
  `POST ${V3}/knock/{roomIdOrAlias}`,
  `POST ${V3}/rooms/{roomId}/ban`,
  `POST ${V3}/rooms/{roomId}/invite`,
  `POST ${V3}/rooms/{roomId}/join`,
  `POST ${V3}/rooms/{roomId}/kick`,
  `POST ${V3}/rooms/{roomId}/unban`,
  `POST ${V3}/rooms/{roomId}/upgrade`,
  `PUT ${V3}/rooms/{roomId}/redact/{eventId}/{txnId}`,
  `PUT ${V3}/rooms/{roomId}/send/{eventType}/{txnId}`,
  `PUT ${V3}/rooms/{roomId}/state/{eventType}/{stateKey}`,
  `PUT ${V3}/profile/{userId}/{keyName}`,
  `DELETE ${V3}/profile/{userId}/{keyName}`,
  `POST ${V3}/account/3pid/delete`,
])

const suspend = (server: TestHomeserver, { userId: user }: TestClient, suspended = true) =>
  command(server, 'set-suspended', { user, suspended })

/** Two people in a room; the second may do everything there. */
const together = async (server: TestHomeserver) => {
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  const roomId = await alice.createRoom({
    preset: 'public_chat',
    power_level_content_override: { users: { [bob.userId]: 100 } },
  })
  await bob.join(roomId)
  return { alice, bob, roomId, of: `/v3/rooms/${enc(roomId)}` }
}

onEveryHomeserver('a suspended account', (start) => {
  const shared = shareHomeserver(() => start({ settings: { federation: { enabled: false } } }))

  describe.skipIf(!isOpenApiPresent)('(skipped where the official data is absent)', () => {
    it('is refused what the table says, in every operation of the client-server API, and nothing else', async () => {
      const server = await shared()
      const { alice, bob, roomId } = await together(server)
      const eventId = await alice.sendText(roomId, 'hers')
      await suspend(server, bob)
      const values: Readonly<Record<string, string>> = {
        ...{ userId: bob.userId, roomId, roomIdOrAlias: roomId, eventId },
        ...{ keyName: 'displayname', eventType: 'm.room.message', stateKey: 'x', txnId: 'one' },
      }
      const operations = readOperations()
        .filter(({ api }) => api === 'client-server')
        .filter(({ method, path }) => !NOT_BUILT.includes(`${method} ${path}`))
      expect(operations.length).toBeGreaterThan(150)
      const refused: string[] = []
      for (const { method, path } of operations) {
        const session = await bob.loginAgain()
        const asked = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => enc(values[name] ?? 'x'))
        const answer = await fetch(`${server.url}${asked}${method === 'GET' ? '?timeout=0' : ''}`, {
          ...{ method, redirect: 'manual', headers: { authorization: `Bearer ${session.accessToken}` } },
          ...(method === 'GET' ? {} : { body: '{}' }),
        })
        expect(answer.status, `${method} ${path}`).toBeLessThan(500)
        if ((await answer.text()).includes('M_USER_SUSPENDED')) refused.push(`${method} ${path}`)
      }
      const known = new Set(operations.map(({ method, path }) => `${method} ${path}`))
      expect(refused.toSorted()).toEqual([...REFUSED].filter((operation) => known.has(operation)).toSorted())
    })
  })

  it('may not speak, join, invite, change its profile or take back what others said; may read, leave and take back its own', async () => {
    const server = await shared()
    const { alice, bob, roomId, of } = await together(server)
    const [hers, his, his2] = [
      await alice.sendText(roomId, 'hers'),
      await bob.sendText(roomId, 'his'),
      await bob.sendText(roomId, 'his too'),
    ]
    const invited = await alice.createRoom({ invite: [bob.userId] })
    await suspend(server, bob)
    const message = { msgtype: 'm.text', body: 'x' }
    const member = `${of}/state/m.room.member`
    for (const [method, path, body] of [
      ['PUT', `${of}/send/m.room.message/1`, message],
      ['POST', `${of}/send/m.room.message`, message],
      ['PUT', `${of}/send/m.reaction/2`, {}],
      ['PUT', `${of}/send/m.room.redaction/3`, { redacts: hers }],
      ['PUT', `${of}/redact/${enc(hers)}/4`, {}],
      ['POST', `${of}/redact/${enc(hers)}`, {}],
      ['PUT', `${of}/state/m.room.topic`, { topic: 'x' }],
      ['PUT', `${member}/${enc(bob.userId)}`, { membership: 'join', displayname: 'x' }],
      ['PUT', `${member}/${enc(alice.userId)}`, { membership: 'leave' }],
      ['POST', `/v3/rooms/${enc(invited)}/join`, {}],
      ['PUT', `/v3/rooms/${enc(invited)}/state/m.room.member/${enc(bob.userId)}`, { membership: 'join' }],
      ['PUT', `/v3/profile/${enc(bob.userId)}/m.tz`, { 'm.tz': 'Europe/Paris' }],
      ['PUT', '/_matrix/client/api/v1/createRoom/5', {}],
    ] as const) {
      expect(await bob.request(method, path, { body }), `${method} ${path}`).toMatchObject(SUSPENDED)
    }
    expect((await alice.getEvent(roomId, hers)).content).toEqual({ msgtype: 'm.text', body: 'hers' })
    const more = await bob.loginAgain()
    expect(await more.get('/v3/account/whoami')).toMatchObject({ user_id: bob.userId })
    const { next_batch: since } = await more.sync()
    const waiting = more.syncUntil(since, (sync) => sync.rooms?.join?.[roomId]?.timeline !== undefined)
    await alice.sendText(roomId, 'do you hear')
    await waiting
    await bob.redact(roomId, his)
    await bob.send(roomId, 'm.room.redaction', { redacts: his2 })
    expect((await alice.getEvent(roomId, his)).content).toEqual({})
    expect((await alice.getEvent(roomId, his2)).content).toEqual({})
    await bob.leave(invited)
    await bob.setState(roomId, 'm.room.member', bob.userId, { membership: 'leave' })
    expect((await bob.get('/v3/joined_rooms')).joined_rooms).toEqual([])
    await suspend(server, bob, false)
    await bob.join(roomId)
    await bob.sendText(roomId, 'here again')
  })

  it('can log out and be deactivated by its owner', async () => {
    const server = await shared()
    const carol = await server.register('carol')
    await suspend(server, carol)
    const phone = await carol.loginAgain()
    await phone.post('/v3/logout')
    const identifier = { type: 'm.id.user', user: carol.userId }
    await carol.post('/v3/account/deactivate', { auth: { type: 'm.login.password', identifier, password: PASSWORD } })
    expect((await carol.request('GET', '/v3/account/whoami')).status).toBe(401)
  })
})

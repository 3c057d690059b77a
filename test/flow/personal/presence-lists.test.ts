import { expect, it } from 'vitest'
import { type Json, PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type StartHomeserver } from '../../support/homeserver.ts'
import { oldViolations } from '../../support/old-schemas.ts'

const enc = encodeURIComponent
const V1 = '/_matrix/client/api/v1'
const listPath = (of: TestClient, prefix = V1) => `${prefix}/presence/list/${enc(of.userId)}`

/** People who share no room. */
const strangers = async (start: StartHomeserver, settings = {}) => {
  const homeserver = await start({ settings })
  const alice = await homeserver.register('alice')
  const bob = await homeserver.register('bob')
  return { homeserver, alice, bob }
}

const invite = (owner: TestClient, ...users: TestClient[]) =>
  owner.post(listPath(owner), { invite: users.map(({ userId }) => userId) })
const drop = (owner: TestClient, ...users: TestClient[]) =>
  owner.post(listPath(owner), { drop: users.map(({ userId }) => userId) })
const setStatus = (client: TestClient, presence: string, statusMsg?: string) =>
  client.put(`${V1}/presence/${enc(client.userId)}/status`, { presence, status_msg: statusMsg })
const listOf = async (owner: TestClient, prefix = V1): Promise<Json[]> => owner.get(listPath(owner, prefix))
const namesIn = (events: Json[]) => events.map(({ content }: Json) => content.user_id)
const statusCode = async (viewer: TestClient, of: TestClient) =>
  (await viewer.request('GET', `/v3/presence/${enc(of.userId)}/status`)).status
const end = async (client: TestClient): Promise<string> => (await client.get(`${V1}/initialSync`, { limit: 0 })).end

const isOf =
  (of: TestClient) =>
  ({ type, content }: Json): boolean =>
    type === 'm.presence' && content.user_id === of.userId

/** Presence of one user in the event stream, one `m.presence` after the other, until it is as wanted. */
const heard = async (client: TestClient, from: string, of: TestClient, wanted: (content: Json) => boolean) => {
  const seen: Json[] = []
  for (let token = from, turn = 0; turn < 50; turn++) {
    const answer = await client.get(`${V1}/events`, { from: token, timeout: 3_000 })
    token = answer.end
    seen.push(...answer.chunk.filter(isOf(of)))
    if (seen.some(({ content }) => wanted(content))) return { seen, end: token }
  }
  throw new Error(`not heard of: ${JSON.stringify(seen)}`)
}

onEveryHomeserver('a presence list', (start) => {
  it('shows two who invited each other what the other does, though they share no room', async () => {
    const { homeserver, alice, bob } = await strangers(start)
    await using _ = homeserver
    await setStatus(bob, 'online', 'at home')
    expect(await listOf(alice)).toEqual([])
    await invite(alice, bob)
    expect(await listOf(alice)).toEqual([])
    const from = await end(alice)
    await invite(bob, alice)
    const [event, ...others] = await listOf(alice)
    expect(others).toEqual([])
    expect(event).toMatchObject({
      type: 'm.presence',
      content: { user_id: bob.userId, presence: 'online', status_msg: 'at home', currently_active: true },
    })
    expect(event.content.last_active_ago).toBeGreaterThanOrEqual(0)
    expect(oldViolations(event)).toEqual([])
    const met = await heard(alice, from, bob, ({ status_msg: status }) => status === 'at home')
    expect(met.seen.length).toBe(1)
    await setStatus(bob, 'unavailable', 'at lunch')
    const changed = await heard(alice, met.end, bob, ({ status_msg: status }) => status === 'at lunch')
    expect(changed.seen.at(-1).content).toMatchObject({ presence: 'unavailable' })
    expect(namesIn((await alice.get(`${V1}/initialSync`)).presence)).toContain(bob.userId)
    const { presence } = await alice.sync()
    expect(presence.events.map(({ sender }: Json) => sender)).toContain(bob.userId)
    expect([await statusCode(alice, bob), await statusCode(bob, alice)]).toEqual([200, 200])
  })

  it('wakes who waits, and tells nobody else', async () => {
    const { homeserver, alice, bob } = await strangers(start)
    await using _ = homeserver
    const carol = await homeserver.register('carol')
    await invite(alice, bob)
    await invite(bob, alice)
    await invite(carol, bob)
    const tokens = { alice: await end(alice), carol: await end(carol) }
    const waiting = heard(alice, tokens.alice, bob, ({ status_msg: status }) => status === 'news')
    await setStatus(bob, 'online', 'news')
    await waiting
    const answer = await carol.get(`${V1}/events`, { from: tokens.carol, timeout: 0 })
    expect(namesIn(answer.chunk)).not.toContain(bob.userId)
    expect(await listOf(carol)).toEqual([])
    expect(await statusCode(carol, bob)).toBe(403)
    expect(namesIn((await carol.get(`${V1}/initialSync`)).presence)).toEqual([carol.userId])
  })

  it('ends with either dropping the other, and is kept over a restart', async () => {
    const { homeserver, alice, bob } = await strangers(start)
    await using _ = homeserver
    await invite(alice, bob)
    await invite(bob, alice)
    await setStatus(bob, 'online', 'kept')
    await homeserver.restart()
    expect(await listOf(alice)).toMatchObject([{ content: { user_id: bob.userId, presence: 'offline' } }])
    const from = await end(alice)
    await drop(bob, alice)
    expect(await listOf(alice)).toEqual([])
    expect(await statusCode(alice, bob)).toBe(403)
    await setStatus(bob, 'online', 'alone again')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    // Carol is told of later than that change, to who sees both.
    const carol = await homeserver.register('carol')
    await carol.join(roomId)
    await setStatus(carol, 'online', 'the later one')
    const later = await heard(alice, from, carol, ({ status_msg: status }) => status === 'the later one')
    expect((await alice.get(`${V1}/events`, { from, to: later.end })).chunk.filter(isOf(bob))).toEqual([])
    // Who shares a room is seen, and then also on the list.
    await bob.join(roomId)
    expect(namesIn(await listOf(alice))).toEqual([bob.userId])
    await drop(alice, bob)
    expect(await listOf(alice)).toEqual([])
    expect(await statusCode(alice, bob)).toBe(200)
  })

  it('needs no inviting back where the server accepts for everybody', async () => {
    const { homeserver, alice, bob } = await strangers(start, { presence: { acceptInvites: true } })
    await using _ = homeserver
    const { next_batch: since } = await alice.sync()
    await alice.post(listPath(alice, '/v3'), { invite: [bob.userId] })
    await bob.put(`/v3/presence/${enc(bob.userId)}/status`, { presence: 'online', status_msg: 'hello' })
    await alice.syncUntil(since, (sync) =>
      sync.presence?.events.some(
        ({ sender, content }: Json) => sender === bob.userId && content.status_msg === 'hello',
      ),
    )
    expect(namesIn(await listOf(alice, '/r0'))).toEqual([bob.userId])
    expect([await statusCode(alice, bob), await statusCode(bob, alice)]).toEqual([200, 403])
  })

  it('refuses what does not fit, and then changes nothing', async () => {
    const { homeserver, alice, bob } = await strangers(start)
    await using _ = homeserver
    await invite(bob, alice)
    const refused = async (body: unknown, of = alice) => {
      const answer = await alice.request('POST', listPath(of), { body })
      return [answer.status, answer.body.errcode]
    }
    expect(await refused({ invite: [bob.userId] }, bob)).toEqual([403, 'M_FORBIDDEN'])
    expect((await alice.request('GET', listPath(bob))).status).toBe(403)
    expect(await refused({ invite: [bob.userId, '@nobody:localhost'] })).toEqual([404, 'M_NOT_FOUND'])
    expect(await refused({ invite: [bob.userId, '@bob:elsewhere.example'] })).toEqual([404, 'M_NOT_FOUND'])
    expect(await refused({ invite: [bob.userId], drop: [bob.userId] })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ invite: ['bob'] })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ invite: bob.userId })).toEqual([400, 'M_BAD_JSON'])
    expect(await refused({ invite: Array(1_001).fill(bob.userId) })).toEqual([400, 'M_BAD_JSON'])
    expect(await listOf(alice)).toEqual([])
    expect(await alice.post(listPath(alice), {})).toEqual({})
    expect(await drop(alice, bob)).toEqual({})
  })

  it('shows itself empty to who listed somebody whose account has ended', async () => {
    const { homeserver, alice, bob } = await strangers(start)
    await using _ = homeserver
    await invite(alice, bob)
    await invite(bob, alice)
    expect(namesIn(await listOf(alice))).toEqual([bob.userId])
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: bob.userId } }
    await bob.post('/v3/account/deactivate', { auth: { ...auth, password: PASSWORD } })
    expect(await listOf(alice)).toEqual([])
    expect((await alice.request('POST', listPath(alice), { body: { invite: [bob.userId] } })).status).toBe(404)
  })
})

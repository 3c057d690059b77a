import { expect, it } from 'vitest'
import { type Json, PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const SECRET = 'what nobody shall read later'

const deactivate = (client: TestClient, erase: boolean): Promise<Json> =>
  client.post('/v3/account/deactivate', {
    erase,
    auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: client.userId }, password: PASSWORD },
  })

/** A public room in which somebody spoke, was redacted, set a topic and left for good. */
const scene = async (home: TestHomeserver, erase: boolean) => {
  const [owner, member] = [await home.register('owner'), await home.register('member')]
  const author = await home.register('author')
  await author.put(`/v3/profile/${enc(author.userId)}/displayname`, { displayname: `${SECRET} my name` })
  const initial_state = [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }]
  const power_level_content_override = { state_default: 0 }
  const roomId = await owner.createRoom({ preset: 'public_chat', initial_state, power_level_content_override })
  for (const client of [member, author]) await client.join(roomId)
  const said = await author.sendText(roomId, SECRET)
  const answered = await owner.sendText(roomId, 'an answer')
  const mine = await author.sendText(roomId, 'to be redacted')
  await author.redact(roomId, mine, `${SECRET} as a reason`)
  await author.setState(roomId, 'm.room.topic', '', { topic: 'the topic' })
  await author.setState(roomId, 'org.example.note', 'a', { note: 'one' })
  const knew = await home.register('knew')
  await knew.join(roomId)
  await knew.leave(roomId)
  await deactivate(author, erase)
  await expect
    .poll(async () => Object.keys((await owner.get(`/v3/rooms/${enc(roomId)}/joined_members`)).joined))
    .not.toContain(author.userId)
  return { owner, member, author, knew, roomId, said, answered }
}

/** Everything by which somebody reads a room, as text. */
const reads = async (client: TestClient, roomId: string, said: string, since?: string): Promise<readonly string[]> => {
  const room = `/v3/rooms/${enc(roomId)}`
  const old = '/_matrix/client/api/v1'
  const paths = [
    `${room}/messages?dir=b&limit=100`,
    `${room}/messages?dir=f&limit=100`,
    `${room}/event/${enc(said)}`,
    `${room}/context/${enc(said)}?limit=50`,
    `/v3/sync?filter=${enc(JSON.stringify({ room: { timeline: { limit: 100 } } }))}`,
    `${old}/rooms/${enc(roomId)}/initialSync?limit=100`,
    `${old}/initialSync?limit=100`,
    ...(since === undefined ? [] : [`/v3/sync?since=${since}`]),
  ]
  const texts: string[] = []
  for (const path of paths) texts.push(JSON.stringify(await client.get(path)))
  return texts
}

onEveryHomeserver('erase: true', (start) => {
  it('lets whoever joins or reads afterwards see redacted copies only, wherever they look, over a restart too', async () => {
    await using home = await start()
    const { roomId, said, answered, owner, author } = await scene(home, true)
    const late = await home.register('late')
    const peeking = await home.register('peeking')
    const { next_batch } = await late.sync()
    await late.join(roomId)
    for (const again of [false, true]) {
      if (again) await home.restart()
      for (const text of await reads(late, roomId, said, next_batch)) expect(text).not.toContain(SECRET)
      const event = await late.getEvent(roomId, said)
      expect([event.type, event.sender, event.content]).toEqual(['m.room.message', author.userId, {}])
      expect((await late.getEvent(roomId, answered)).content.body).toBe('an answer')
      // A reader who is in no room at all reads by the same rule.
      expect(JSON.stringify(await peeking.messages(roomId, { dir: 'b', limit: 100 }))).not.toContain(SECRET)
    }
    // The room goes on: what its state says of the room, and not of the person, is left as it is.
    expect(await late.getState(roomId, 'm.room.topic')).toEqual({ topic: 'the topic' })
    const federated = { filter: JSON.stringify({ event_format: 'federation', room: { timeline: { limit: 100 } } }) }
    expect(JSON.stringify(await late.sync(federated))).not.toContain(SECRET)
    expect(await owner.getState(roomId, 'org.example.note', 'a')).toEqual({ note: 'one' })
  })

  it('leaves their copies to those who were there before, and sends no redactions', async () => {
    await using home = await start()
    const { member, knew, roomId, said } = await scene(home, true)
    expect((await member.getEvent(roomId, said)).content.body).toBe(SECRET)
    expect((await knew.getEvent(roomId, said)).content.body).toBe(SECRET)
    await knew.join(roomId)
    expect((await knew.getEvent(roomId, said)).content.body).toBe(SECRET)
    const { chunk } = await member.messages(roomId, { dir: 'b', limit: 100 })
    expect(chunk.filter(({ type }: Json) => type === 'm.room.redaction')).toHaveLength(1)
  })

  it('is no part of a deactivation that does not ask for it', async () => {
    await using home = await start()
    const { roomId, said } = await scene(home, false)
    const late = await home.register('late')
    await late.join(roomId)
    expect((await late.getEvent(roomId, said)).content.body).toBe(SECRET)
  })

  it('takes the profile with it, and what was kept for the account alone', async () => {
    await using home = await start()
    const author = await home.register('author')
    await author.put(`/v3/profile/${enc(author.userId)}/displayname`, { displayname: SECRET })
    await author.put(`/v3/user/${enc(author.userId)}/account_data/a.b`, { SECRET })
    await author.put('/v3/pushrules/global/room/r', { actions: [] })
    await deactivate(author, true)
    const { status, body } = await home.client().request('GET', `/v3/profile/${enc(author.userId)}`)
    expect([status, body.errcode]).toEqual([404, 'M_NOT_FOUND'])
  })
})

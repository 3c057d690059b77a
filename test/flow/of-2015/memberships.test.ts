import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { askOld, doOld, getOld, refusalOf } from '../../support/old-client.ts'

const enc = encodeURIComponent
const FORBIDDEN = [403, 'M_FORBIDDEN']

onEveryHomeserver('memberships for clients of 2015', (start) => {
  let homeserver: TestHomeserver
  let [alice, bob, carol] = [{}, {}, {}] as TestClient[] as [TestClient, TestClient, TestClient]
  let room: string
  let roomId: string
  beforeAll(async () => {
    homeserver = await start()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
    carol = await homeserver.register('carol')
  })
  afterAll(() => homeserver.stop())
  const newRoom = async (options: object = {}): Promise<void> => {
    roomId = (await doOld(alice, 'POST', '/createRoom', options)).room_id
    room = `/rooms/${enc(roomId)}`
  }
  const membershipOf = async (who: TestClient): Promise<string> =>
    (await getOld(alice, `${room}/state/m.room.member/${enc(who.userId)}`)).membership
  const say = (who: TestClient): Promise<[number, unknown]> =>
    refusalOf(who, 'POST', `${room}/send/m.room.message`, { msgtype: 'm.text', body: 'hello' })
  const rooms = async (who: TestClient): Promise<Map<string, Json>> =>
    new Map((await getOld(who, '/initialSync', { limit: 0 })).rooms.map((one: Json) => [one.room_id, one]))

  it('let strangers and the invited neither send nor read, until they join', async () => {
    await newRoom()
    for (const path of ['/messages', '/members', '/state', '/initialSync'])
      expect([path, ...(await refusalOf(bob, 'GET', `${room}${path}`))]).toEqual([path, ...FORBIDDEN])
    expect(await say(bob)).toEqual(FORBIDDEN)
    await doOld(alice, 'POST', `${room}/invite`, { user_id: bob.userId })
    expect((await rooms(bob)).get(roomId)).toMatchObject({ membership: 'invite', inviter: alice.userId })
    expect(await say(bob)).toEqual(FORBIDDEN)
    expect(await doOld(bob, 'POST', `${room}/join`, {})).toEqual({ room_id: roomId })
    expect((await say(bob))[0]).toBe(200)
    expect((await rooms(bob)).get(roomId).membership).toBe('join')
  })

  it('begin by joining under the id or an alias, at either path, and only where the room takes everybody or invited', async () => {
    await newRoom({ visibility: 'public', room_alias_name: 'monkeys' })
    const alias = enc(`#monkeys:${homeserver.serverName}`)
    for (const path of [`/join/${alias}`, `/rooms/${alias}/join`, `${room}/join`, `/join/${enc(roomId)}`]) {
      const joined = await doOld(bob, 'POST', path, {})
      expect([path, joined, await membershipOf(bob)]).toEqual([path, { room_id: roomId }, 'join'])
      await doOld(bob, 'POST', `${room}/leave`, {})
    }
    expect((await askOld(bob, 'POST', `/join/${enc('#no alias')}`, {})).status).toBe(400)
    expect((await askOld(bob, 'POST', `/rooms/${enc(`#nobody:${homeserver.serverName}`)}/join`, {})).status).toBe(404)
    await newRoom()
    expect(await refusalOf(bob, 'POST', `${room}/join`, {})).toEqual(FORBIDDEN)
  })

  it('begin by an invite of a member, but for who is in, is banned, or where the power is wanting', async () => {
    await newRoom({ visibility: 'public' })
    const invite = (who: TestClient, user: string): Promise<[number, unknown]> =>
      refusalOf(who, 'POST', `${room}/invite`, { user_id: user })
    expect(await invite(carol, bob.userId)).toEqual(FORBIDDEN)
    expect((await invite(alice, bob.userId))[0]).toBe(200)
    await doOld(bob, 'POST', `${room}/join`, {})
    expect(await invite(alice, bob.userId)).toEqual(FORBIDDEN)
    await doOld(alice, 'POST', `${room}/ban`, { user_id: carol.userId })
    expect(await invite(alice, carol.userId)).toEqual(FORBIDDEN)
    const levels = await getOld(alice, `${room}/state/m.room.power_levels`)
    await doOld(alice, 'PUT', `${room}/state/m.room.power_levels`, { ...levels, invite: 50 })
    const dave = await homeserver.register('dave')
    expect(await invite(bob, dave.userId)).toEqual(FORBIDDEN)
  })

  it('end by leaving what was joined: the room is gone from the initial sync, and wants a new invite', async () => {
    await newRoom()
    expect((await askOld(carol, 'POST', `${room}/leave`, {})).status).toBe(403)
    for (let round = 0; round < 2; round++) {
      await doOld(alice, 'POST', `${room}/invite`, { user_id: bob.userId })
      await doOld(bob, 'POST', `${room}/join`, {})
      expect(await doOld(bob, 'POST', `${room}/leave`, {})).toEqual({})
      expect((await rooms(bob)).has(roomId)).toBe(false)
      expect(await say(bob)).toEqual(FORBIDDEN)
      expect(await refusalOf(bob, 'POST', `${room}/join`, {})).toEqual(FORBIDDEN)
    }
    expect(await membershipOf(bob)).toBe('leave')
  })

  it('end by a kick, which needs power, and a ban, which keeps out and tells the reason', async () => {
    await newRoom({ visibility: 'public' })
    for (const who of [bob, carol]) await doOld(who, 'POST', `${room}/join`, {})
    const { end } = await getOld(bob, '/initialSync', { limit: 0 })
    for (const act of ['kick', 'ban'])
      expect(await refusalOf(carol, 'POST', `${room}/${act}`, { user_id: bob.userId })).toEqual(FORBIDDEN)
    await doOld(alice, 'POST', `${room}/kick`, { user_id: bob.userId, reason: 'loud' })
    expect(await membershipOf(bob)).toBe('leave')
    await doOld(bob, 'POST', `${room}/join`, {})
    await doOld(alice, 'POST', `${room}/ban`, { user_id: bob.userId, reason: 'very loud' })
    await doOld(alice, 'POST', `${room}/send/m.room.message`, { msgtype: 'm.text', body: 'unheard' })
    const { chunk } = await getOld(bob, '/events', { from: end })
    const told = chunk.filter(({ type, room_id: id }: Json) => type.startsWith('m.room.') && id === roomId)
    expect(told.map(({ membership, content }: Json) => [membership, content.reason])).toEqual([
      ['leave', 'loud'],
      ['join', undefined],
      ['ban', 'very loud'],
    ])
    expect(await say(bob)).toEqual(FORBIDDEN)
    expect(await refusalOf(bob, 'POST', `${room}/join`, {})).toEqual(FORBIDDEN)
  })

  describe('by PUT of the state', () => {
    const set = async (who: TestClient, whom: TestClient, content: object): Promise<[number, unknown]> =>
      refusalOf(who, 'PUT', `${room}/state/m.room.member/${enc(whom.userId)}`, content)

    it('change as by their own paths: invite, join, leave, ban and its end', async () => {
      await newRoom()
      for (const [who, membership] of [
        [alice, 'invite'],
        [bob, 'join'],
        [bob, 'leave'],
        [alice, 'invite'],
        [bob, 'join'],
        [alice, 'leave'],
        [alice, 'ban'],
        [alice, 'leave'],
      ] as const) {
        expect((await set(who, bob, { membership }))[0]).toBe(200)
        expect(await membershipOf(bob)).toBe(membership)
      }
    })

    it('are refused where they say nothing, nothing known, or what is not theirs to say', async () => {
      await newRoom()
      expect((await set(alice, bob, {}))[0]).toBe(400)
      for (const membership of ['guest', 1, null, '']) expect((await set(alice, bob, { membership }))[0]).toBe(400)
      expect(await set(bob, carol, { membership: 'invite' })).toEqual(FORBIDDEN)
      expect(await set(alice, bob, { membership: 'join' })).toEqual(FORBIDDEN)
      expect(await set(bob, bob, { membership: 'join' })).toEqual(FORBIDDEN)
      await doOld(alice, 'POST', `${room}/invite`, { user_id: bob.userId })
      await doOld(bob, 'POST', `${room}/join`, {})
      expect(await set(alice, bob, { membership: 'invite' })).toEqual(FORBIDDEN)
      expect(await set(bob, alice, { membership: 'ban' })).toEqual(FORBIDDEN)
      const path = `${room}/state/m.room.member/${enc(carol.userId)}`
      expect(await refusalOf(alice, 'GET', path)).toEqual([404, 'M_NOT_FOUND'])
    })
  })

  it('carry name and picture of their user, put there by the server, and follow the profile', async () => {
    await newRoom({ invite: [bob.userId] })
    const picture = `mxc://${homeserver.serverName}/picture`
    await doOld(bob, 'PUT', `/profile/${enc(bob.userId)}/displayname`, { displayname: 'Bob' })
    await doOld(bob, 'POST', `${room}/join`, {})
    const member = (): Promise<Json> => getOld(alice, `${room}/state/m.room.member/${enc(bob.userId)}`)
    expect(await member()).toMatchObject({ membership: 'join', displayname: 'Bob' })
    const { end } = await getOld(alice, '/initialSync', { limit: 0 })
    await getOld(bob, '/initialSync', { limit: 0 })
    await doOld(bob, 'PUT', `/profile/${enc(bob.userId)}/avatar_url`, { avatar_url: picture })
    await bob.ownMember(decodeURIComponent(room.slice('/rooms/'.length)), ({ avatar_url }) => avatar_url === picture)
    expect(await member()).toMatchObject({ displayname: 'Bob', avatar_url: picture })
    const shown = new Map<string, Json>()
    for (let from = end, round = 0; round < 10 && shown.size < 2; round++) {
      const answer = await getOld(alice, '/events', { from, timeout: 2000 })
      for (const { type, content } of answer.chunk)
        if (content.avatar_url === picture) shown.set(type, [content.displayname, content.user_id ?? ''])
      from = answer.end
    }
    expect(shown.get('m.room.member')).toEqual(['Bob', ''])
    expect(shown.get('m.presence')).toEqual(['Bob', bob.userId])
    expect(await getOld(carol, `/profile/${enc(bob.userId)}`)).toMatchObject({
      displayname: 'Bob',
      avatar_url: picture,
    })
  })

  it('come with the presence of who comes back under a name that they took while they were away', async () => {
    await newRoom({ invite: [carol.userId] })
    await doOld(carol, 'POST', `${room}/join`, {})
    const setStatus = (presence: string): Promise<Json> =>
      doOld(carol, 'PUT', `/presence/${enc(carol.userId)}/status`, { presence })
    const setName = (displayname: string): Promise<Json> =>
      doOld(carol, 'PUT', `/profile/${enc(carol.userId)}/displayname`, { displayname })
    await setStatus('online')
    await setName('Carol')
    await setStatus('offline')
    await setName('Caroline')
    const { end } = await getOld(alice, '/initialSync', { limit: 0 })
    const { presence } = await getOld(alice, `${room}/initialSync`)
    const isOfCarol = ({ type, content }: Json): boolean => type === 'm.presence' && content.user_id === carol.userId
    expect(presence.find(isOfCarol).content.displayname).toBe('Caroline')
    await setStatus('online')
    let told: Json
    for (let from = end, n = 0; n < 10 && told?.presence !== 'online'; n++) {
      const answer = await getOld(alice, '/events', { from, timeout: 2000 })
      told = answer.chunk.findLast(isOfCarol)?.content
      from = answer.end
    }
    expect(told).toMatchObject({ presence: 'online', displayname: 'Caroline' })
  })
})

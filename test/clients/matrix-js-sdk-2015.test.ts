import type { MatrixClient } from 'matrix-js-sdk'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Json, PASSWORD, TestClient } from '../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import {
  makeOldClient,
  makeOldHttpApi,
  type OldClient,
  oldMembership,
  oldMessage,
  oldSees,
  oldTexts,
  startOldClient,
} from './sdk-of-2015.ts'
import { newMembership, newMessage, newSees, newTexts, newTimeline, startClientOfToday } from './sdk-of-today.ts'

/** Both SDKs tell all they do through the console; a failing test says enough. */
for (const method of ['debug', 'info', 'log', 'trace', 'warn', 'error'] as const)
  vi.spyOn(console, method).mockImplementation(() => {})

onEveryHomeserver('matrix-js-sdk of October 2015', (start) => {
  let homeserver: TestHomeserver
  /** Alice and Bob have the SDK of 2015, Carol has that of today. */
  let alice: OldClient
  let bob: OldClient
  let carol: MatrixClient
  const tokens = new Map<OldClient, string>()
  const started: OldClient[] = []
  let count = 0

  /** As the SDK does it: it asks, is told what is wanted, and answers. */
  const register = async (username: string): Promise<OldClient> => {
    const anonymous = makeOldClient(homeserver.url)
    const question: Json = await anonymous.register(username, PASSWORD).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(question).toMatchObject({ httpStatus: 401, data: { flows: [{ stages: ['m.login.dummy'] }] } })
    const auth = { type: 'm.login.dummy' }
    const account = await anonymous.register(username, PASSWORD, question.data.session, auth)
    expect(account).toMatchObject({ user_id: expect.any(String), home_server: homeserver.serverName })
    const client = makeOldClient(homeserver.url, { userId: account.user_id, accessToken: account.access_token })
    tokens.set(client, account.access_token)
    return client
  }
  const run = async (client: OldClient, historyLen?: number): Promise<OldClient> => {
    started.push(client)
    await startOldClient(client, historyLen)
    return client
  }
  const idOf = (client: OldClient): string => client.credentials.userId
  const carolId = (): string => carol.getSafeUserId()
  const transaction = (): string => {
    count += 1
    return `m${count}`
  }
  const say = async (client: OldClient, roomId: string, text: string): Promise<string> =>
    (await client.sendTextMessage(roomId, text, transaction())).event_id

  beforeAll(async () => {
    homeserver = await start()
    ;[alice, bob] = [await register('alice'), await register('bob')]
    const today = await homeserver.register('carol')
    const { userId, deviceId } = today
    carol = await startClientOfToday(homeserver.url, { userId, deviceId, accessToken: today.accessToken ?? '' })
    await Promise.all([run(alice), run(bob)])
  })
  // The stop of the server ends the polls that are open, and with them the timers of the old SDK.
  afterAll(async () => {
    for (const client of started) client.stopClient()
    carol.stopClient()
    await homeserver.stop()
  })

  /** Joins, and waits until the stream has said so too: before that this SDK may read the room a second time. */
  const join = async (client: OldClient, roomId: string): Promise<void> => {
    const heard = new Promise<void>((resolve) => {
      const look = ({ event }: { event: { room_id: string; state_key?: string; membership?: string } }): void => {
        if (event.room_id !== roomId || event.state_key !== idOf(client) || event.membership !== 'join') return
        client.removeListener('event', look)
        resolve()
      }
      client.on('event', look)
    })
    await Promise.all([client.joinRoom(roomId), heard])
  }
  /** A room of Alice's where all three are. */
  const sharedRoom = async (options: object = {}): Promise<string> => {
    const { room_id: roomId } = await alice.createRoom({ name: 'Pub', invite: [idOf(bob), carolId()], ...options })
    // This SDK reads a room that it hears to be in, and forgets then what it heard meanwhile.
    await oldSees(alice, () => alice.getRoom(roomId)?.oldState.paginationToken)
    await oldMembership(bob, roomId, idOf(bob), 'invite')
    await newSees(carol, () => carol.getRoom(roomId)?.getMyMembership() === 'invite')
    await join(bob, roomId)
    await carol.joinRoom(roomId)
    for (const userId of [idOf(alice), idOf(bob), carolId()]) {
      await Promise.all([oldMembership(alice, roomId, userId, 'join'), oldMembership(bob, roomId, userId, 'join')])
      await newMembership(carol, roomId, userId, 'join')
    }
    return roomId
  }

  it('registers as it is told to, and logs in with a password, as it finds by asking', async () => {
    expect(idOf(alice)).toBe(`@alice:${homeserver.serverName}`)
    await expect(makeOldClient(homeserver.url).register('alice', PASSWORD)).rejects.toMatchObject({
      errcode: 'M_USER_IN_USE',
      httpStatus: 400,
    })
    const { flows } = await makeOldClient(homeserver.url).loginFlows()
    expect(flows.map(({ type }: { type: string }) => type)).toContain('m.login.password')
    const account = await makeOldClient(homeserver.url).loginWithPassword('alice', PASSWORD)
    expect(account).toMatchObject({ user_id: idOf(alice), home_server: homeserver.serverName })
    const again = makeOldClient(homeserver.url, { userId: account.user_id, accessToken: account.access_token })
    expect(await again.getProfileInfo(idOf(alice), 'displayname')).toEqual({ displayname: 'alice' })
    await expect(makeOldClient(homeserver.url).loginWithPassword('alice', 'wrong')).rejects.toMatchObject({
      errcode: 'M_FORBIDDEN',
      httpStatus: 403,
    })
  })

  it('invites and is invited live, and sees with an SDK of today who joins', async () => {
    const roomId = await sharedRoom()
    expect(bob.getRoom(roomId)?.name).toBe('Pub')
    expect(carol.getRoom(roomId)?.name).toBe('Pub')
    const { room_id: ofCarol } = await carol.createRoom({ name: 'Club', invite: [idOf(alice)] })
    const invited = await oldMembership(alice, ofCarol, idOf(alice), 'invite')
    expect(invited.userId).toBe(idOf(alice))
    await join(alice, ofCarol)
    await newMembership(carol, ofCarol, idOf(alice), 'join')
    expect(alice.getRoom(ofCarol)?.name).toBe('Club')
    expect(alice.getRoom(ofCarol)?.getMember(carolId())?.powerLevel).toBeGreaterThanOrEqual(100)
  })

  it('chats with an SDK of today: each sees what all said, once and in order', async () => {
    const roomId = await sharedRoom()
    const said: string[] = []
    for (let round = 1; round <= 3; round++) {
      const [one, two, three] = [`alice ${round}`, `bob ${round} ☕`, `carol ${round} 牛奶`]
      const eventId = await say(alice, roomId, one)
      expect((await newMessage(carol, roomId, one)).getId()).toBe(eventId)
      const message = await oldMessage(bob, roomId, one)
      expect([message.getId(), message.getSender(), message.sender?.userId]).toEqual([
        eventId,
        idOf(alice),
        idOf(alice),
      ])
      expect(message.getAge()).toBeGreaterThanOrEqual(0)
      await say(bob, roomId, two)
      await newMessage(carol, roomId, two)
      await carol.sendTextMessage(roomId, three)
      await Promise.all([oldMessage(alice, roomId, three), oldMessage(bob, roomId, three)])
      said.push(one, two, three)
    }
    expect(oldTexts(alice.getRoom(roomId))).toEqual(said)
    expect(oldTexts(bob.getRoom(roomId))).toEqual(said)
    await newMessage(carol, roomId, said.at(-1) ?? '')
    expect(newTexts(carol, roomId)).toEqual(said)
  })

  it('changes the topic and the name of a room, and sees others change them', async () => {
    const roomId = await sharedRoom()
    await alice.setRoomName(roomId, 'The Pub')
    await alice.setRoomTopic(roomId, 'Beer')
    const topicIn = (client: OldClient) =>
      client.getRoom(roomId)?.currentState.getStateEvents('m.room.topic', '')?.getContent().topic
    const topicOfCarol = () =>
      carol.getRoom(roomId)?.currentState.getStateEvents('m.room.topic', '')?.getContent().topic
    await newSees(carol, () => carol.getRoom(roomId)?.name === 'The Pub' && topicOfCarol() === 'Beer')
    await expect(carol.setRoomTopic(roomId, 'Tea')).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
    const levels = alice.getRoom(roomId)?.currentState.getStateEvents('m.room.power_levels', '') ?? null
    await alice.setPowerLevel(roomId, carolId(), 50, levels)
    await newSees(carol, () => carol.getRoom(roomId)?.getMember(carolId())?.powerLevel === 50)
    await carol.setRoomTopic(roomId, 'Coffee')
    await carol.setRoomName(roomId, 'The Café')
    for (const client of [alice, bob]) {
      await oldSees(client, () => client.getRoom(roomId)?.name === 'The Café' && topicIn(client) === 'Coffee')
      expect(client.getRoom(roomId)?.getMember(carolId())?.powerLevel).toBe(50)
    }
    const changed = bob.getRoom(roomId)?.timeline.findLast((event) => event.getType() === 'm.room.topic')
    expect(changed?.getPrevContent()).toEqual({ topic: 'Beer' })
  })

  it('takes a display name and a picture, and sees those of others, in rooms and in presence', async () => {
    const roomId = await sharedRoom()
    const picture = `mxc://${homeserver.serverName}/picture${count}`
    await alice.setDisplayName('Alice of 2015')
    await alice.setAvatarUrl(picture)
    await carol.setDisplayName('Carol of today')
    await newSees(carol, () => carol.getRoom(roomId)?.getMember(idOf(alice))?.name === 'Alice of 2015')
    await newSees(carol, () => carol.getRoom(roomId)?.getMember(idOf(alice))?.getMxcAvatarUrl() === picture)
    await oldSees(bob, () => bob.getRoom(roomId)?.getMember(carolId())?.name === 'Carol of today')
    await oldSees(bob, () => bob.getUser(idOf(alice))?.displayName === 'Alice of 2015')
    await oldSees(bob, () => bob.getUser(idOf(alice))?.avatarUrl === picture)
    expect(await bob.getProfileInfo(idOf(alice))).toMatchObject({ displayname: 'Alice of 2015', avatar_url: picture })
    await alice.setDisplayName('alice')
    await carol.setDisplayName('carol')
  })

  it('takes messages back, its own as others theirs', async () => {
    const roomId = await sharedRoom()
    const eventId = await say(alice, roomId, 'ouch')
    await Promise.all([newMessage(carol, roomId, 'ouch'), oldMessage(bob, roomId, 'ouch')])
    await alice.redactEvent(roomId, eventId)
    await newSees(carol, () => carol.getRoom(roomId)?.findEventById(eventId)?.isRedacted())
    await oldSees(bob, () =>
      bob.getRoom(roomId)?.timeline.some(({ event }) => event.type === 'm.room.redaction' && event.redacts === eventId),
    )
    const { event_id: other } = await carol.sendTextMessage(roomId, 'oops')
    await oldMessage(bob, roomId, 'oops')
    await carol.redactEvent(roomId, other)
    await oldSees(bob, () => !oldTexts(bob.getRoom(roomId)).includes('oops'))
    expect(oldTexts(bob.getRoom(roomId))).toEqual([])
  })

  it('shows who types, and who stopped, both ways', async () => {
    const roomId = await sharedRoom()
    for (const isTyping of [true, false]) {
      await bob.sendTyping(roomId, isTyping, 20_000)
      await carol.sendTyping(roomId, isTyping, 20_000)
      await newSees(carol, () => carol.getRoom(roomId)?.getMember(idOf(bob))?.typing === isTyping)
      await oldSees(alice, () => {
        const room = alice.getRoom(roomId)
        return [idOf(bob), carolId()].every((userId) => room?.getMember(userId)?.typing === isTyping)
      })
    }
  })

  it('hears how far others have read, and says so', async () => {
    const roomId = await sharedRoom()
    const eventId = await say(alice, roomId, 'read me')
    const receipts: unknown[] = []
    alice.on('event', (event) => {
      if (event.getType() === 'm.receipt') receipts.push(event.event)
    })
    const seen = await newMessage(carol, roomId, 'read me')
    await carol.sendReadReceipt(seen)
    const path = `/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(eventId)}`
    await makeOldHttpApi(homeserver.url, tokens.get(bob) ?? '').authedRequest(undefined, 'POST', path, {}, {})
    await newSees(carol, () => carol.getRoom(roomId)?.getUsersReadUpTo(seen).includes(idOf(bob)))
    const text = () => JSON.stringify(receipts)
    await oldSees(alice, () => text().includes(carolId()) && text().includes(idOf(bob)))
    expect(receipts[0]).toMatchObject({ room_id: roomId, content: { [eventId]: { 'm.read': {} } } })
  })

  it('shows who is there and who is not, both ways', async () => {
    const roomId = await sharedRoom()
    await say(alice, roomId, 'here')
    await bob.setPresence('unavailable')
    await newSees(carol, () => carol.getUser(idOf(bob))?.presence === 'unavailable')
    await oldSees(alice, () => alice.getUser(idOf(bob))?.presence === 'unavailable')
    await carol.setPresence({ presence: 'unavailable', status_msg: 'away' })
    await oldSees(alice, () => alice.getUser(carolId())?.presence === 'unavailable')
    await bob.setPresence('online')
    await newSees(carol, () => carol.getUser(idOf(bob))?.presence === 'online')
  })

  it('begins with an initial sync of its rooms, and scrolls back to the very first event', async () => {
    const roomId = await sharedRoom({ topic: 'Long talks' })
    const { room_id: invitedTo } = await carol.createRoom({ name: 'Not yet', invite: [idOf(alice)] })
    const writer = new TestClient(homeserver.url)
    writer.accessToken = carol.getAccessToken() ?? ''
    const said: string[] = []
    for (let n = 1; n <= 70; n++) {
      said.push(`E${n}`)
      await writer.sendText(roomId, `E${n}`)
    }
    const accessToken = tokens.get(alice) ?? ''
    const again = await run(makeOldClient(homeserver.url, { userId: idOf(alice), accessToken }), 5)
    const room = again.getRoom(roomId)
    expect(oldTexts(room)).toEqual(said.slice(-5))
    expect(room?.name).toBe('Pub')
    expect(room?.getJoinedMembers().map(({ userId }) => userId)).toHaveLength(3)
    expect(again.getUser(carolId())?.presence).toBeTypeOf('string')
    expect(again.getRoom(invitedTo)?.getMember(idOf(alice))?.membership).toBe('invite')
    if (room === null) throw new Error('the room is not there')
    let pages = 0
    while (room.oldState.paginationToken !== null && pages < 20) {
      await again.scrollback(room, 15)
      pages += 1
    }
    expect(oldTexts(room)).toEqual(said)
    expect(room.timeline[0]?.getType()).toBe('m.room.create')
    const ids = room.timeline.map((event) => event.getId())
    expect(new Set(ids).size).toBe(ids.length)
    await writer.sendText(roomId, 'live')
    await oldMessage(again, roomId, 'live')
    expect(oldTexts(room)).toEqual([...said, 'live'])
  })

  it('leaves, is removed, banned and let in again, as everybody sees at once', async () => {
    const roomId = await sharedRoom()
    const seenByAll = async (userId: string, membership: string): Promise<void> => {
      await newMembership(carol, roomId, userId, membership)
      await oldMembership(alice, roomId, userId, membership)
    }
    await bob.leave(roomId)
    await seenByAll(idOf(bob), 'leave')
    await oldMembership(bob, roomId, idOf(bob), 'leave')
    await alice.invite(roomId, idOf(bob))
    await seenByAll(idOf(bob), 'invite')
    await oldMembership(bob, roomId, idOf(bob), 'invite')
    await join(bob, roomId)
    await seenByAll(idOf(bob), 'join')
    await alice.kick(roomId, idOf(bob), 'loud')
    await seenByAll(idOf(bob), 'leave')
    await alice.ban(roomId, idOf(bob), 'very loud')
    await seenByAll(idOf(bob), 'ban')
    expect(newTimeline(carol, roomId).at(-1)?.getContent().reason).toBe('very loud')
    await alice.unban(roomId, idOf(bob))
    await seenByAll(idOf(bob), 'leave')
    await carol.leave(roomId)
    await oldMembership(alice, roomId, carolId(), 'leave')
    expect(
      alice
        .getRoom(roomId)
        ?.getJoinedMembers()
        .map(({ userId }) => userId),
    ).toEqual([idOf(alice)])
  })

  describe('asks', () => {
    it('for rooms by alias, lists public ones, and joins by alias', async () => {
      count += 1
      const made = await alice.createRoom({ visibility: 'public', room_alias_name: `lounge${count}`, name: 'Lounge' })
      const alias = `#lounge${count}:${homeserver.serverName}`
      expect(made).toMatchObject({ room_alias: alias })
      expect(await bob.getRoomIdForAlias(alias)).toMatchObject({
        room_id: made.room_id,
        servers: [homeserver.serverName],
      })
      const second = `#second${count}:${homeserver.serverName}`
      await alice.createAlias(second, made.room_id)
      const { chunk } = await bob.publicRooms()
      const listed = chunk.find((room: { room_id: string }) => room.room_id === made.room_id)
      expect(listed).toMatchObject({ name: 'Lounge', num_joined_members: 1 })
      expect(listed.aliases.toSorted()).toEqual([alias, second].toSorted())
      expect((await bob.joinRoom(second)).roomId).toBe(made.room_id)
    })

    it('for push rules, which it reads at its start, and judges messages by them', async () => {
      const roomId = await sharedRoom()
      const sound = { set_tweak: 'sound', value: 'bell.wav' }
      await alice.addPushRule('global', 'content', 'cake', { pattern: 'cake', actions: ['dont_notify'] })
      await alice.addPushRule('global', 'content', 'tea', { pattern: 'tea', actions: ['notify', sound] })
      const accessToken = tokens.get(alice) ?? ''
      const again = await run(makeOldClient(homeserver.url, { userId: idOf(alice), accessToken }))
      const judge = async (text: string): Promise<unknown> => {
        await carol.sendTextMessage(roomId, text)
        return again.getPushActionsForEvent(await oldMessage(again, roomId, text))
      }
      expect(await judge('there is cake')).toMatchObject({ notify: false })
      expect(await judge('tea is ready')).toEqual({ notify: true, tweaks: { sound: 'bell.wav', highlight: true } })
      expect(await judge('nothing else')).toEqual({ notify: true, tweaks: { highlight: false } })
      for (const ruleId of ['cake', 'tea']) await alice.deletePushRule('global', 'content', ruleId)
    })

    it('for state of any type, and sets it', async () => {
      const { room_id: roomId } = await alice.createRoom({})
      await alice.sendStateEvent(roomId, 'org.example.pet', { animal: 'cat' }, 'key/with %')
      expect(await alice.getStateEvent(roomId, 'org.example.pet', 'key/with %')).toEqual({ animal: 'cat' })
      const state = await alice.roomState(roomId)
      expect(state.find(({ type }) => type === 'org.example.pet')).toMatchObject({
        state_key: 'key/with %',
        user_id: idOf(alice),
      })
    })
  })
})

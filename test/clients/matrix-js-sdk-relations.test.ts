import {
  EventType,
  type MatrixClient,
  type MatrixEvent,
  NotificationCountType,
  Relations,
  RelationType,
  type Room,
  type Thread,
  ThreadEvent,
} from 'matrix-js-sdk'
import { M_POLL_KIND_DISCLOSED } from 'matrix-js-sdk/lib/@types/polls.js'
import { PollEndEvent } from 'matrix-js-sdk/lib/extensible_events_v1/PollEndEvent.js'
import { PollResponseEvent } from 'matrix-js-sdk/lib/extensible_events_v1/PollResponseEvent.js'
import { PollStartEvent } from 'matrix-js-sdk/lib/extensible_events_v1/PollStartEvent.js'
import { afterAll, expect, it } from 'vitest'
import type { Body, TestClient } from '../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { silenceConsole } from './encrypting-client.ts'
import { newMessage, newSees, startClientOfToday } from './sdk-of-today.ts'

silenceConsole()

const text = (body: string): Body => ({ msgtype: 'm.text', body })
const inThread = (root: string, body: string): Body => ({
  ...text(body),
  'm.relates_to': { rel_type: 'm.thread', event_id: root },
})
const idsOf = (events: readonly MatrixEvent[]) => events.map((event) => event.getId())
const bodiesOf = (events: readonly MatrixEvent[]) => events.map((event) => event.getContent().body)

/** The room is opened after all was written: what the SDK shows comes from the server's own work on relations. */
onEveryHomeserver('matrix-js-sdk', (start) => {
  const shared = shareHomeserver(start)
  const running: MatrixClient[] = []
  afterAll(() => {
    for (const client of running) client.stopClient()
  })

  const open = async (homeserver: TestHomeserver, account: TestClient, initialSyncLimit = 20) => {
    const { userId, accessToken = '', deviceId } = account
    const options = { threadSupport: true, initialSyncLimit }
    const client = await startClientOfToday(homeserver.url, { userId, accessToken, deviceId }, options)
    running.push(client)
    return client
  }

  const openRoom = async (homeserver: TestHomeserver, account: TestClient, roomId: string, initialSyncLimit = 20) => {
    const client = await open(homeserver, account, initialSyncLimit)
    const room = await newSees(client, () => client.getRoom(roomId))
    return { client, room }
  }

  const twoPeople = async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    return { homeserver, alice, bob, roomId }
  }

  const threadsOf = async (room: Room): Promise<readonly Thread[]> => {
    await room.createThreadsTimelineSets()
    await room.fetchRoomThreads()
    return room.getThreads()
  }

  /** The SDK loads it by itself, and changes the timeline until then. */
  const firstPageOf = (thread: Thread): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (thread.initialEventsFetched) resolve()
      }
      thread.on(ThreadEvent.Update, look)
      look()
    })

  it('lists threads that are older than what it syncs, and pages back through one', async () => {
    const { homeserver, alice, bob, roomId } = await twoPeople()
    const busy = await alice.sendText(roomId, 'a busy root')
    const replies: string[] = []
    for (let reply = 0; reply < 30; reply += 1)
      replies.push(await alice.send(roomId, 'm.room.message', inThread(busy, `reply ${reply}`)))
    const quiet = await alice.sendText(roomId, 'a quiet root')
    const own = await bob.send(roomId, 'm.room.message', inThread(quiet, 'mine'))
    for (let message = 0; message < 20; message += 1) await alice.sendText(roomId, `beside the threads ${message}`)

    const { client, room } = await openRoom(homeserver, bob, roomId, 5)
    expect(idsOf(room.getLiveTimeline().getEvents())).not.toContain(quiet)
    const threads = await threadsOf(room)
    const [all, participated] = room.threadsTimelineSets
    expect(idsOf(all?.getLiveTimeline().getEvents() ?? [])).toEqual([busy, quiet])
    expect(idsOf(participated?.getLiveTimeline().getEvents() ?? [])).toEqual([quiet])
    const long = threads.find(({ id }) => id === busy)
    const short = threads.find(({ id }) => id === quiet)
    expect([long?.length, long?.replyToEvent?.getId(), long?.hasCurrentUserParticipated]).toEqual([
      30,
      replies.at(-1),
      false,
    ])
    expect([short?.length, short?.replyToEvent?.getId(), short?.hasCurrentUserParticipated]).toEqual([1, own, true])

    if (long === undefined) throw new Error('the busy thread is not listed')
    await firstPageOf(long)
    const timeline = long.liveTimeline
    while (await client.paginateEventTimeline(timeline, { backwards: true, limit: 7 })) {}
    expect(idsOf(timeline.getEvents())).toEqual([busy, ...replies])
  })

  it('counts what is unread by thread, and a receipt in one leaves the others as they are', async () => {
    const { homeserver, alice, bob, roomId } = await twoPeople()
    const roots = [await bob.sendText(roomId, 'one'), await bob.sendText(roomId, 'two')]
    const [first = '', second = ''] = roots
    const { client, room } = await openRoom(homeserver, bob, roomId)
    await alice.sendText(roomId, 'in the room')
    await alice.send(roomId, 'm.room.message', inThread(first, 'in one'))
    await alice.send(roomId, 'm.room.message', inThread(first, 'in one again'))
    const last = await alice.send(roomId, 'm.room.message', inThread(second, 'in two'))
    const counts = () => [
      room.getRoomUnreadNotificationCount(NotificationCountType.Total),
      room.getThreadUnreadNotificationCount(first, NotificationCountType.Total),
      room.getThreadUnreadNotificationCount(second, NotificationCountType.Total),
    ]
    const become = (...wanted: readonly number[]) =>
      newSees(client, () => counts().every((count, index) => count === wanted[index]))
    await become(1, 2, 1)
    const seen = await newSees(client, () => room.findEventById(last))
    await client.sendReadReceipt(seen)
    await become(1, 2, 0)
    const inRoom = await newMessage(client, roomId, 'in the room')
    await client.sendReadReceipt(inRoom)
    await become(0, 2, 0)
    const { room: later } = await openRoom(homeserver, await bob.loginAgain(), roomId)
    expect(later.getThreadUnreadNotificationCount(first, NotificationCountType.Total)).toBe(2)
    expect(later.getThreadUnreadNotificationCount(second, NotificationCountType.Total)).toBe(0)
  })

  it('shows an old message as it was edited last, and every version of it', async () => {
    const { homeserver, alice, bob, roomId } = await twoPeople()
    const original = await alice.sendText(roomId, 'a slip')
    const edit = (body: string) => ({
      ...text(`* ${body}`),
      'm.new_content': text(body),
      'm.relates_to': { rel_type: 'm.replace', event_id: original },
    })
    for (let message = 0; message < 10; message += 1) await alice.sendText(roomId, `later ${message}`)
    await alice.send(roomId, 'm.room.message', edit('almost right'))
    const right = await alice.send(roomId, 'm.room.message', edit('right'))
    for (let message = 0; message < 10; message += 1) await alice.sendText(roomId, `later still ${message}`)
    await bob.send(roomId, 'm.room.message', edit('not by its sender'))

    const { client, room } = await openRoom(homeserver, bob, roomId, 3)
    await client.getEventTimeline(room.getUnfilteredTimelineSet(), original)
    const shown = room.findEventById(original)
    expect(shown?.getServerAggregatedRelation<{ event_id: string }>(RelationType.Replace)).toMatchObject({
      event_id: right,
      content: { 'm.new_content': { body: 'right' } },
    })
    const versions = await client.relations(roomId, original, RelationType.Replace, EventType.RoomMessage)
    expect(versions.originalEvent?.getContent().body).toBe('right')
    expect(versions.originalEvent?.getOriginalContent().body).toBe('a slip')
    expect(versions.events.map((event) => event.getContent()['m.new_content']?.body)).toEqual(
      expect.arrayContaining(['right', 'almost right']),
    )
  })

  it('counts reactions, and a second equal one is refused', async () => {
    const { homeserver, alice, bob, roomId } = await twoPeople()
    const { client, room } = await openRoom(homeserver, bob, roomId)
    const liked = await alice.sendText(roomId, 'tea?')
    const reaction = (key: string) => ({ 'm.relates_to': { rel_type: 'm.annotation', event_id: liked, key } })
    await alice.send(roomId, 'm.reaction', reaction('🍵'))
    await newMessage(client, roomId, 'tea?')
    await client.sendEvent(roomId, EventType.Reaction, {
      'm.relates_to': { rel_type: RelationType.Annotation, event_id: liked, key: '🍵' },
    })
    const counted = await newSees(client, () => {
      const reactions = room.relations.getChildEventsForEvent(liked, RelationType.Annotation, EventType.Reaction)
      const [most] = reactions?.getSortedAnnotationsByKey() ?? []
      return most?.[1].size === 2 ? most : undefined
    })
    expect(counted[0]).toBe('🍵')
    await expect(
      client.sendEvent(roomId, EventType.Reaction, {
        'm.relates_to': { rel_type: RelationType.Annotation, event_id: liked, key: '🍵' },
      }),
    ).rejects.toMatchObject({ errcode: 'M_DUPLICATE_ANNOTATION', httpStatus: 400 })
    expect(bodiesOf(room.getLiveTimeline().getEvents())).toContain('tea?')
  })

  it('opens a poll that is older than what it syncs: every vote is counted, and none after its end', async () => {
    const { homeserver, alice, bob, roomId } = await twoPeople()
    const poll = PollStartEvent.from('Which tea?', ['green', 'black'], M_POLL_KIND_DISCLOSED).serialize()
    const started = await alice.send(roomId, poll.type, poll.content as Body)
    const { answers } = (poll.content as Body)['org.matrix.msc3381.poll.start'] as { answers: { id: string }[] }
    const [green = '', black = ''] = answers.map(({ id }) => id)
    const vote = (voter: TestClient, answer: string) => {
      const { type, content } = PollResponseEvent.from([answer], started).serialize()
      return voter.send(roomId, type, content as Body)
    }
    await vote(alice, green)
    const counted = await vote(bob, black)
    const end = PollEndEvent.from(started, 'closed').serialize()
    await alice.send(roomId, end.type, end.content as Body)
    for (let message = 0; message < 10; message += 1) await alice.sendText(roomId, `later ${message}`)

    const { client, room } = await openRoom(homeserver, bob, roomId, 3)
    await client.getEventTimeline(room.getUnfilteredTimelineSet(), started)
    const shown = room.findEventById(started)
    if (shown === undefined) throw new Error('the poll was not found')
    await room.processPollEvents([shown])
    const found = room.polls.get(started)
    const responses = await found?.getResponses()
    expect(responses).toBeInstanceOf(Relations)
    expect(responses?.getRelations().map((event) => event.getSender())).toEqual(
      expect.arrayContaining([alice.userId, bob.userId]),
    )
    expect(idsOf(responses?.getRelations() ?? [])).toContain(counted)
    expect(found?.isEnded).toBe(true)
  })
})

import { expect, test } from 'vitest'
import type { UserId } from '#spec'
import { onEveryDatabase } from '../../../contract/databases.ts'
import { ANNA, asEntries, checked, GraphHouse, HERE, newPeerRoom } from './graph-house.ts'

const BOB = '@bob:there.example' as UserId
const message = (body: string, sender?: UserId) => ({
  ...{ type: 'm.room.message', content: { msgtype: 'm.text', body } },
  ...(sender === undefined ? {} : { sender }),
})
const join = (user: UserId) => ({
  ...{ type: 'm.room.member', stateKey: user, sender: user, content: { membership: 'join' } },
})

onEveryDatabase('rejected events', (open) => {
  test('are taken up again when what they lacked arrives', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    await house.enter(peer)
    const joined = peer.send(join(BOB))
    const said = peer.send(message('after the join', BOB))
    const later = peer.send(message('later'))
    // A server that gives a wrong state: without the join that the message depends on.
    const wrong = new Map(peer.stateBefore(joined.event.prevEvents))
    await house.graph.addOutliers(peer.roomId, [checked(joined)])
    const verdicts = await house.graph.receive(peer.roomId, [{ ...checked(said), stateBefore: wrong }])
    expect(verdicts).toMatchObject([{ kind: 'rejected' }])
    expect(await house.store.rooms.refusalOf(said.eventId)).toContain('not in the room')
    expect((await house.store.rooms.event(said.eventId))?.placing).toBe('rejected')
    expect(await house.receive(peer, [joined])).toEqual([{ kind: 'accepted' }])
    const stored = await house.store.rooms.event(said.eventId)
    expect(stored?.placing).toBe('timeline')
    expect(stored?.event).toBe(stored?.position)
    expect(await house.store.rooms.refusalOf(said.eventId)).toBeUndefined()
    expect(await house.extremities(peer.roomId)).toEqual([said.eventId])
    expect(await house.receive(peer, [later])).toEqual([{ kind: 'accepted' }])
    expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
  })

  test('that are outliers are judged anew when their auth events come', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    await house.enter(peer)
    const joined = peer.send(join(BOB))
    const topic = peer.send({ type: 'm.room.topic', stateKey: '', content: { topic: 'no' }, sender: BOB })
    const left = peer.send({ ...join(BOB), content: { membership: 'leave' } })
    await house.graph.addOutliers(peer.roomId, [left, topic].map(checked))
    const placingOf = async (eventId: string) => (await house.store.rooms.event(eventId as never))?.placing
    expect(await placingOf(left.eventId)).toBe('rejected')
    await house.graph.addOutliers(peer.roomId, [checked(joined)])
    expect([await placingOf(joined.eventId), await placingOf(left.eventId)]).toEqual(['outlier', 'outlier'])
    // Bob lacks the power, whatever else is known.
    expect(await placingOf(topic.eventId)).toBe('rejected')
  })

  test('cite no rejected event with success, and what follows them has the state before them', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    const entered = await house.enter(peer)
    const bad = peer.build({ ...{ type: 'm.room.topic', stateKey: '', content: { topic: 'no' } }, sender: BOB })
    expect(await house.receive(peer, [bad])).toMatchObject([{ kind: 'rejected' }])
    peer.addOutlier(bad)
    const after = peer.build({
      ...message('on top of it'),
      prev: [bad.eventId],
      auth: peer.build(message('x')).event.authEvents,
    })
    expect(await house.receive(peer, [after])).toEqual([{ kind: 'accepted' }])
    expect(asEntries(await house.graph.stateBefore(peer.roomId, after.eventId))).toEqual(
      asEntries(peer.stateAfter(entered.eventId)),
    )
    expect(await house.extremities(peer.roomId)).toEqual([after.eventId])
  })
})

onEveryDatabase('a room that this server left', (open) => {
  test('is entered again with what became of it, and nothing of its stale state stays', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    peer.send(join(BOB))
    peer.send({ type: 'm.room.topic', stateKey: '', content: { topic: 'old' } })
    await house.enter(peer)
    const left = await house.send(peer.roomId, {
      type: 'm.room.member',
      stateKey: ANNA,
      content: { membership: 'leave' },
    })
    peer.add(peer.read(JSON.parse((await house.store.rooms.event(left))?.json ?? '')))
    peer.send({ ...join(BOB), content: { membership: 'leave' } })
    peer.send({ type: 'm.room.topic', stateKey: '', content: { topic: 'new' } })
    peer.send({ type: 'm.room.name', stateKey: '', content: { name: 'new' } })
    await house.enter(peer)
    expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
    expect(await house.extremities(peer.roomId)).toEqual(peer.heads)
    const record = await house.store.rooms.roomByRoomId(peer.roomId)
    const joined = await house.store.rooms.members(record?.room ?? 0, ['join'])
    expect(joined.map(({ userId }) => userId).sort()).toEqual([ANNA, '@resident:there.example'])
    expect(record?.joinedCount).toBe(2)
    const servers = await house.store.rooms.serversOf(record?.room ?? 0)
    expect(servers.map(({ name, joined: count }) => `${name} ${count}`).sort()).toEqual([
      `${HERE.serverName} 1`,
      'there.example 1',
    ])
    expect(await house.receive(peer, [peer.send(message('on'))])).toEqual([{ kind: 'accepted' }])
  })
})

onEveryDatabase('redactions of other servers', (open) => {
  test('take effect whether they come before or after what they redact, if their sender may', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    peer.send({ ...join('@eve:else.example' as UserId) })
    const entered = await house.enter(peer)
    const secret = peer.send(message('secret'))
    const redaction = peer.send({
      type: 'm.room.redaction',
      content: { redacts: secret.eventId },
      redacts: secret.eventId,
      prev: [entered.eventId],
    })
    const forged = peer.send({
      ...{ type: 'm.room.redaction', content: { redacts: entered.eventId }, redacts: entered.eventId },
      sender: '@eve:else.example',
    })
    // Clients are not shown what has no effect yet, or none at all.
    const reasons = ['what it redacts is not here', undefined, 'its sender may not redact this']
    for (const [index, event] of [redaction, secret, forged].entries()) {
      const reason = reasons[index]
      const verdict = reason === undefined ? { kind: 'accepted' } : { kind: 'soft-failed', reason }
      expect(await house.receive(peer, [event])).toEqual([verdict])
    }
    const stored = await house.store.rooms.event(secret.eventId)
    expect(stored?.redactedBy?.eventId).toBe(redaction.eventId)
    expect(stored?.json).not.toContain('secret')
    expect((await house.store.rooms.event(entered.eventId))?.redactedBy).toBeUndefined()
    const own = peer.send(message('ours to redact'))
    const after = peer.send({ type: 'm.room.redaction', content: { redacts: own.eventId }, redacts: own.eventId })
    await house.receive(peer, [own, after])
    expect((await house.store.rooms.event(own.eventId))?.json).not.toContain('ours')
  })
})

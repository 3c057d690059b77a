import { describe, expect, test } from 'vitest'
import type { ServerName, UserId } from '#spec'
import { type BehindDestination, type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'
import { ALICE, applyTo, createRoom, member, message, type TestRoom } from './room-fixtures.ts'

const OWN = 'localhost' as ServerName
const NEAR = 'near.example' as ServerName
const FAR = 'far.example' as ServerName
const NINA = `@nina:${NEAR}` as UserId
const FAY = `@fay:${FAR}` as UserId

const out = writers.federationOut
const everything = { after: 0, upTo: 1_000, own: OWN, limit: 100 }
const nothing = { position: 0, rooms: [], behind: [], caughtUp: [] }

const behindOf = (server: ServerName, changes: Partial<BehindDestination> = {}): BehindDestination => ({
  server,
  position: 7,
  failures: 2,
  failingSinceMs: 1_000,
  retryAtMs: 2_000,
  lastSuccessMs: undefined,
  ...changes,
})

const bodies = (events: readonly { readonly json: string }[]): readonly string[] =>
  events.map(({ json }) => JSON.parse(json).content?.body ?? JSON.parse(json).type)

const said = (body: string, sender = ALICE) => message({ sender, json: JSON.stringify({ content: { body } }) })

const waiting = async (store: Store, server: ServerName): Promise<readonly string[]> =>
  (await store.federationOut.waitingEdus(server, 100)).map(({ json }) => json)

onEveryDatabase('what goes out to other servers', (open) => {
  const roomWithNear = async (store: Store): Promise<TestRoom> => {
    const room = await createRoom(store)
    await applyTo(store, room, [member(NINA, 'join', { sender: NINA })])
    return room
  }

  describe('events', () => {
    test('are those of our own users, and those that are forwarded', async () => {
      const store = await open()
      const room = await roomWithNear(store)
      const joined = member(FAY, 'join', { sender: FAY, json: '{"type":"a join by way of us"}' })
      await store.commit([out.forward(joined.eventId), out.forward(joined.eventId)])
      await applyTo(store, room, [said('ours'), said('theirs', NINA), joined])
      const found = await store.federationOut.outgoingIn([room.room], { ...everything, after: 3 })
      expect(bodies(found)).toEqual(['ours', 'a join by way of us'])
      expect(found[1]).toMatchObject({ sender: FAY, stateKey: FAY, type: 'm.room.member', room: room.room })
    })

    test('reach a server if it was in the room right before them', async () => {
      const store = await open()
      const [room, other] = [await createRoom(store), await createRoom(store)]
      await applyTo(store, room, [said('before')])
      await applyTo(store, room, [member(NINA, 'join', { sender: NINA })])
      await applyTo(store, room, [said('between'), said('of its own', NINA)])
      await applyTo(store, other, [said('elsewhere')])
      await applyTo(store, room, [member(NINA, 'leave', { json: '{"type":"kick"}' })])
      await applyTo(store, room, [said('after')])
      expect(bodies(await store.federationOut.outgoingTo(NEAR, everything))).toEqual(['between', 'kick'])
      expect(bodies(await store.federationOut.outgoingTo(NEAR, { ...everything, limit: 1 }))).toEqual(['between'])
      expect(await store.federationOut.outgoingTo(FAR, everything)).toEqual([])
    })

    test('of the newest of each room, once the progress names them', async () => {
      const store = await open()
      const [one, two] = [await roomWithNear(store), await roomWithNear(store)]
      const positions = [
        ...(await applyTo(store, one, [said('first')])),
        ...(await applyTo(store, two, [said('second')])),
        ...(await applyTo(store, one, [said('third')])),
      ]
      const [, second = 0, third = 0] = positions
      const rooms = [
        { room: one.room, position: third },
        { room: two.room, position: second },
      ]
      await store.commit([out.save({ ...nothing, position: third, rooms })])
      await store.commit([out.save({ ...nothing, rooms: [{ room: one.room, position: 1 }] })])
      expect(bodies(await store.federationOut.newestTo(NEAR, 0, 10))).toEqual(['second', 'third'])
      expect(bodies(await store.federationOut.newestTo(NEAR, second, 10))).toEqual(['third'])
      expect(await store.federationOut.newestTo(FAR, 0, 10)).toEqual([])
    })
  })

  test('the progress only moves forward, and destinations stay behind until they caught up', async () => {
    const store = await open()
    await store.commit([out.save({ ...nothing, position: 12, behind: [behindOf(NEAR), behindOf(FAR)] })])
    await store.commit([out.save({ ...nothing, position: 11, behind: [behindOf(FAR, { retryAtMs: undefined })] })])
    expect(await store.federationOut.progress()).toBe(12)
    expect(await store.federationOut.behind('', 1)).toEqual([behindOf(FAR, { retryAtMs: undefined })])
    expect(await store.federationOut.behind(FAR, 10)).toEqual([behindOf(NEAR)])
    await store.commit([out.save({ ...nothing, caughtUp: [FAR] })])
    expect(await store.federationOut.behind('', 10)).toEqual([behindOf(NEAR)])
  })

  describe('EDUs that must not be lost', () => {
    test('wait for each server until it took them', async () => {
      const store = await open()
      const [first] = await store.commit([out.queueEdu({ servers: [NEAR, FAR], json: '{"a":1}' })])
      const [second] = await store.commit([out.queueEdu({ servers: [FAR], json: '{"b":1}' })])
      expect(await store.commit([out.queueEdu({ servers: [], json: '{"c":1}' })])).toEqual([undefined])
      expect([...(await store.federationOut.serversWithEdus(0, 100))].sort()).toEqual([FAR, NEAR])
      expect(await store.federationOut.serversWithEdus(first ?? 0, 100)).toEqual([FAR])
      await store.commit([out.eduTaken(FAR, [first ?? 0])])
      expect(await waiting(store, FAR)).toEqual(['{"b":1}'])
      expect(await waiting(store, NEAR)).toEqual(['{"a":1}'])
      await store.commit([out.eduTaken(NEAR, [first ?? 0]), out.eduTaken(FAR, [second ?? 0])])
      expect(await store.federationOut.serversWithEdus(0, 100)).toEqual([])
    })

    test('of one key are replaced by the newest', async () => {
      const store = await open()
      await store.commit([out.queueEdu({ servers: [NEAR, FAR], json: '{"n":1}', key: 'k' })])
      await store.commit([out.queueEdu({ servers: [NEAR], json: '{"n":2}', key: 'k' })])
      await store.commit([out.queueEdu({ servers: [NEAR], json: '{"n":3}', key: 'other' })])
      expect(await waiting(store, NEAR)).toEqual(['{"n":2}', '{"n":3}'])
      expect(await waiting(store, FAR)).toEqual(['{"n":1}'])
    })

    test('without a key go with a server that is given up', async () => {
      const store = await open()
      await store.commit([
        out.queueEdu({ servers: [NEAR], json: '{"a":1}', key: 'k' }),
        out.queueEdu({ servers: [NEAR, FAR], json: '{"b":1}' }),
      ])
      await store.commit([out.giveUpEdus(NEAR)])
      expect(await waiting(store, NEAR)).toEqual(['{"a":1}'])
      expect(await waiting(store, FAR)).toEqual(['{"b":1}'])
    })
  })
})

import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { FORMS, type Form, SlidingConnection, type SlidingWish } from './connection.ts'

const enc = encodeURIComponent
const ACCOUNT_DATA = { account_data: { enabled: true } }
const NEWEST: SlidingWish = { lists: { newest: { range: [0, 0] } }, extensions: ACCOUNT_DATA }

onEveryHomeserver('account_data of sliding sync', (start) => {
  const shared = shareHomeserver(start)

  describe.each(FORMS)('in the %s form', (form: Form) => {
    const begin = async () => {
      const alice = await (await shared()).register('alice')
      return { alice, connection: new SlidingConnection(alice, form, 'room-list') }
    }
    const put = (client: TestClient, type: string, content: Json, roomId?: string): Promise<Json> => {
      const where = roomId === undefined ? '' : `/rooms/${enc(roomId)}`
      return client.put(`/v3/user/${enc(client.userId)}${where}/account_data/${type}`, content)
    }
    /** Types with what `value` they have. */
    const inRoom = (connection: SlidingConnection, answer: Json, roomId: string): Json =>
      connection
        .extension(answer, 'account_data')
        ?.rooms?.[roomId]?.map(({ type, content }: Json) => [type, content.value ?? Object.keys(content.tags ?? {})])
    const globalIn = (connection: SlidingConnection, answer: Json): Json =>
      connection
        .extension(answer, 'account_data')
        ?.global?.map(({ type, content }: Json) => [type, content.value])
        .filter(([type]: Json) => type !== 'm.push_rules')

    it('tells all that is global at first, push rules among it, then what changes', async () => {
      const { alice, connection } = await begin()
      await put(alice, 'org.example.a', { value: 1 })
      await put(alice, 'org.example.b', { value: 1 })
      const first = await connection.next({ extensions: ACCOUNT_DATA })
      expect(globalIn(connection, first).sort()).toEqual([
        ['org.example.a', 1],
        ['org.example.b', 1],
      ])
      const types = (answer: Json): string[] =>
        connection.extension(answer, 'account_data').global.map(({ type }: Json) => type)
      expect(types(first)).toContain('m.push_rules')
      expect((await connection.next({ extensions: ACCOUNT_DATA })).extensions).toEqual({})
      const waiting = connection.next({ extensions: ACCOUNT_DATA, timeout: 60_000 })
      await put(alice, 'org.example.b', { value: 2 })
      expect(globalIn(connection, await waiting)).toEqual([['org.example.b', 2]])
      const forRules = connection.next({ extensions: ACCOUNT_DATA, timeout: 60_000 })
      await alice.put('/v3/pushrules/global/underride/.m.rule.message/enabled', { enabled: false })
      expect(types(await forRules)).toEqual(['m.push_rules'])
    })

    it('tells it again as long as the position stays', async () => {
      const { alice, connection } = await begin()
      await connection.next({ extensions: ACCOUNT_DATA })
      await put(alice, 'org.example.a', { value: 1 })
      for (let lost = 0; lost < 3; lost++) {
        const { body } = await connection.ask({ extensions: ACCOUNT_DATA })
        expect(globalIn(connection, body)).toEqual([['org.example.a', 1]])
      }
    })

    it('tells everything where it is asked for on the way', async () => {
      const { alice, connection } = await begin()
      const roomId = await alice.createRoom()
      await put(alice, 'org.example.a', { value: 1 })
      await put(alice, 'org.example.room', { value: 1 }, roomId)
      await connection.next({ ...NEWEST, extensions: {} })
      const answer = await connection.next({ ...NEWEST, timeout: 60_000 })
      expect(globalIn(connection, answer)).toEqual([['org.example.a', 1]])
      expect(inRoom(connection, answer, roomId)).toEqual([['org.example.room', 1]])
    })

    it('tells all of a room when it comes into scope, tags and fully read markers too, and what changed when it comes again', async () => {
      const { alice, connection } = await begin()
      const [old, newest] = [await alice.createRoom(), await alice.createRoom()]
      const eventId = await alice.sendText(old, 'read')
      await alice.sendText(newest, 'on top')
      await put(alice, 'org.example.room', { value: 1 }, old)
      await alice.put(`/v3/user/${enc(alice.userId)}/rooms/${enc(old)}/tags/m.favourite`, {})
      await alice.post(`/v3/rooms/${enc(old)}/read_markers`, { 'm.fully_read': eventId })
      const first = await connection.next(NEWEST)
      expect(inRoom(connection, first, old), 'out of scope').toBeUndefined()
      await alice.sendText(old, 'up')
      const second = await connection.next(NEWEST)
      expect(inRoom(connection, second, old).sort()).toEqual([
        ['m.fully_read', []],
        ['m.tag', ['m.favourite']],
        ['org.example.room', 1],
      ])
      await alice.sendText(newest, 'up')
      await connection.next(NEWEST)
      await put(alice, 'org.example.room', { value: 2 }, old)
      expect(inRoom(connection, await connection.next(NEWEST), old), 'out of scope again').toBeUndefined()
      await alice.sendText(old, 'up again')
      expect(inRoom(connection, await connection.next(NEWEST), old)).toEqual([['org.example.room', 2]])
    })

    it('wakes for a room in scope, and not for another', async () => {
      const { alice, connection } = await begin()
      const [old, newest] = [await alice.createRoom(), await alice.createRoom()]
      await connection.next(NEWEST)
      const waiting = connection.next({ ...NEWEST, timeout: 60_000 })
      await put(alice, 'org.example.room', { value: 1 }, old)
      await put(alice, 'org.example.room', { value: 2 }, newest)
      const answer = await waiting
      expect(inRoom(connection, answer, newest)).toEqual([['org.example.room', 2]])
      expect(inRoom(connection, answer, old)).toBeUndefined()
    })

    it('of invites too is told', async () => {
      const { alice, connection } = await begin()
      const bob = await (await shared()).register('bob')
      const roomId = await bob.createRoom({ invite: [alice.userId] })
      await put(alice, 'org.example.room', { value: 1 }, roomId)
      expect(inRoom(connection, await connection.next(NEWEST), roomId)).toEqual([['org.example.room', 1]])
    })

    it('of more than a megabyte comes whole', async () => {
      const { alice, connection } = await begin()
      const roomId = await alice.createRoom()
      const text = 'x'.repeat(60_000)
      for (let made = 0; made < 20; made++) {
        await put(alice, `org.example.long${made}`, { value: made, text })
        await put(alice, `org.example.long${made}`, { value: made, text }, roomId)
      }
      const answer = await connection.next(NEWEST)
      expect(globalIn(connection, answer)).toHaveLength(20)
      expect(inRoom(connection, answer, roomId)).toHaveLength(20)
    })

    it('refuses scopes that are no lists of names', async () => {
      const { connection } = await begin()
      for (const scope of [{ lists: 'all' }, { rooms: [1] }, { lists: Array.from({ length: 200 }, String) }]) {
        const { status, body } = await connection.ask({ extensions: { account_data: { enabled: true, ...scope } } })
        expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
      }
    })
  })
})

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

/** Time stands still for durations. */
class StandingClock extends SteppedClock {
  override monotonicMs(): number {
    return 1
  }
}

type Six = [TestClient, TestClient, TestClient, TestClient, TestClient, TestClient]
type Message = 'text' | 'notice' | 'reaction' | 'name' | 'redaction' | 'edit' | 'reply'
const messages = fc.array(
  fc.record({
    by: fc.nat(2),
    kind: fc.constantFrom<Message>('text', 'notice', 'reaction', 'name', 'redaction', 'edit', 'reply'),
  }),
  { minLength: 1, maxLength: 4 },
)
const kinds = fc.record({ lazy: fc.boolean(), noNotices: fc.boolean(), stateAfter: fc.boolean() })

const withoutAges = (room: Json): Json =>
  JSON.parse(JSON.stringify(room ?? null, (key, value) => (key === 'age' ? undefined : value)))

describe('readers who are woken together', () => {
  let homeserver: TestHomeserver
  let people: TestClient[] = []
  beforeAll(async () => {
    // Nothing that is made for all gets too old.
    homeserver = await startHomeserver({ clock: new StandingClock() })
    people = await Promise.all(['ann', 'ben', 'cat', 'dan', 'eve', 'fay'].map((name) => homeserver.register(name)))
    const [ann, ben, , dan] = people as [TestClient, TestClient, TestClient, TestClient]
    await dan.put(`/v3/user/${dan.userId}/account_data/m.ignored_user_list`, { ignored_users: { [ben.userId]: {} } })
    people.push(await ann.loginAgain())
  })
  afterAll(() => homeserver.stop())

  it('are each told what they would be told alone: transactions, ignored users, members not told yet, threads', async () => {
    let count = 0
    await fc.assert(
      fc.asyncProperty(messages, fc.nat(6), kinds, async (script, first, { lazy, noNotices, stateAfter }) => {
        const [ann, ben, cat, dan, eve, fay] = people as Six
        const roomId = await ann.createRoom({
          preset: 'public_chat',
          power_level_content_override: { state_default: 0 },
        })
        const filter = (alone: number): string =>
          JSON.stringify({
            presence: { types: [] },
            room: {
              timeline: { limit: 3, not_types: [`none.${alone}`, ...(noNotices ? ['m.notice'] : [])] },
              state: { lazy_load_members: lazy },
            },
          })
        const ask = (reader: TestClient, since: string, alone: number): Promise<Json> =>
          reader.sync({ since, filter: filter(alone), use_state_after: stateAfter })
        for (const other of [ben, cat, dan, eve, fay]) await other.join(roomId)
        // Two readers have been told of all members, the others of none: behind these messages the joins are in no timeline.
        const told = new Map<TestClient, string>()
        for (const reader of [cat, fay]) {
          const { next_batch: since } = await reader.sync({
            filter: JSON.stringify({ room: { timeline: { limit: 20 } } }),
          })
          told.set(reader, (await ask(reader, since, 0)).next_batch)
        }
        for (let sent = 0; sent < 3; sent++) await ann.sendText(roomId, 'before')
        const tokens = await Promise.all(
          people.map(async (reader) => {
            const since = told.get(reader)
            const answer = await (since === undefined ? reader.sync({ filter: filter(0) }) : ask(reader, since, 0))
            return answer.next_batch as string
          }),
        )
        const root = await ann.sendText(roomId, 'first')
        let last = root
        for (const { by, kind } of script) {
          const sender = people[by] as TestClient
          const relates = (rel_type: string) => ({ 'm.relates_to': { rel_type, event_id: last, key: `${++count}` } })
          const sent: Record<Message, () => Promise<Json>> = {
            text: () =>
              sender.put(`/v3/rooms/${roomId}/send/m.room.message/t${++count}`, { msgtype: 'm.text', body: 'x' }),
            notice: () => sender.put(`/v3/rooms/${roomId}/send/m.notice/t${++count}`, { body: 'x' }),
            reaction: () => sender.put(`/v3/rooms/${roomId}/send/m.reaction/t${++count}`, relates('m.annotation')),
            name: () => ann.put(`/v3/rooms/${roomId}/state/m.room.name`, { name: `${++count}` }),
            reply: () =>
              sender.put(`/v3/rooms/${roomId}/send/m.room.message/t${++count}`, {
                ...{ msgtype: 'm.text', body: 'reply' },
                'm.relates_to': { rel_type: 'm.thread', event_id: root },
              }),
            redaction: () => ann.put(`/v3/rooms/${roomId}/redact/${last}/t${++count}`, {}),
            edit: () =>
              sender.put(`/v3/rooms/${roomId}/send/m.room.message/t${++count}`, {
                ...{ msgtype: 'm.text', body: '* y', 'm.new_content': { msgtype: 'm.text', body: 'y' } },
                ...relates('m.replace'),
              }),
          }
          last = (await sent[kind]()).event_id
        }
        const asked = people.map((reader, index) => ({ reader, since: tokens[index] as string }))
        const turned = [...asked.slice(first), ...asked.slice(0, first)]
        // One right after the other, so that each may be told what was made for those before.
        const together: Json[] = []
        for (const { reader, since } of turned) together.push(await ask(reader, since, 0))
        for (const [index, { reader, since }] of turned.entries()) {
          const alone = await ask(reader, since, ++count)
          expect(withoutAges(together[index].rooms.join[roomId])).toEqual(withoutAges(alone.rooms.join[roomId]))
        }
      }),
      { numRuns: 40 },
    )
  }, 120_000)
})

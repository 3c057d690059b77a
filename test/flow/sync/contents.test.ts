import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

/** Texts that look like the JSON in which they are stored. */
const LOOKALIKES = [
  'content',
  '"content":{',
  '\\',
  '\\"',
  '"',
  '}',
  '{',
  '],',
  ',"depth":1,',
  '\u2028',
  '\u0000',
  'é',
  '😀',
]
const text = fc.oneof(
  fc.constantFrom(...LOOKALIKES),
  fc.array(fc.constantFrom(...LOOKALIKES), { maxLength: 6 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 8 }),
)
const { value: contents } = fc.letrec((tie) => ({
  value: fc.dictionary(text, tie('any'), { maxKeys: 4, depthIdentifier: 'content' }),
  any: fc.oneof(
    { depthIdentifier: 'content', maxDepth: 3 },
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 3, depthIdentifier: 'content' }),
    tie('value'),
  ),
}))

const ROOM_VERSIONS = ['1', '11']
const TYPE = 'org.example.anything'

describe('the contents of events', () => {
  let homeserver: TestHomeserver
  let ann: TestClient
  beforeAll(async () => {
    homeserver = await startHomeserver()
    ann = await homeserver.register('ann')
  })
  afterAll(() => homeserver.stop())

  const toldIn = async (roomId: string): Promise<ReadonlyMap<string, Json>> => {
    const filter = JSON.stringify({ room: { rooms: [roomId], timeline: { limit: 100, types: [TYPE] } } })
    const { rooms } = await ann.sync({ filter })
    return new Map(rooms.join[roomId].timeline.events.map(({ event_id: id, content }: Json) => [id, content]))
  }

  it.each(ROOM_VERSIONS)('are told by a first sync as they were sent, in rooms of version %s', async (version) => {
    const roomId = await ann.createRoom({ room_version: version })
    const sent = new Map<string, Json>()
    for (const content of fc.sample(contents, { numRuns: 90, seed: 8 }))
      sent.set(await ann.send(roomId, TYPE, content as Json), content)
    expect(await toldIn(roomId)).toEqual(sent)
    await homeserver.restart()
    expect(await toldIn(roomId)).toEqual(sent)
  })

  it('are told with what a redaction has beside them', async () => {
    const roomId = await ann.createRoom({})
    const gone = await ann.send(roomId, TYPE, { body: 'gone' })
    const redaction = await ann.redact(roomId, gone)
    await homeserver.restart()
    const { rooms } = await ann.sync()
    const found = rooms.join[roomId].timeline.events.find(({ event_id: id }: Json) => id === redaction)
    expect([found.content.redacts, found.redacts]).toEqual([gone, gone])
    expect((await toldIn(roomId)).get(gone)).toEqual({})
  })
})

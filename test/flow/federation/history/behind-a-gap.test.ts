import { expect, it } from 'vitest'
import type { Json } from '../../../support/client.ts'
import { openScene, sendEvents, text, untilBody } from '../receiving/scene.ts'

it('what arrived before the timeline of a sync is behind its prev_batch, however deep it stands in the history', async () => {
  await using scene = await openScene()
  const { alice, roomId, room } = scene
  const { next_batch: since } = await alice.sync()
  const fork = room.heads
  // A branch of five events, one after the other; then events that all begin at the fork, so each of them is less deep.
  await sendEvents(
    scene,
    ['deep 1', 'deep 2', 'deep 3', 'deep 4', 'deep 5'].map((body) => room.send(text(body))),
  )
  const flat = Array.from({ length: 12 }, (_, index) => room.build(text(`flat ${index}`, { prev: fork })))
  await sendEvents(scene, flat)
  await untilBody(alice, roomId, 'flat 11')
  const { timeline } = (await alice.sync({ since })).rooms.join[roomId]
  expect(timeline.limited).toBe(true)
  const seen = new Set(bodiesOf(timeline.events))
  for (let from = timeline.prev_batch; from !== undefined; ) {
    const page = await alice.messages(roomId, { dir: 'b', from, limit: 5 })
    for (const body of bodiesOf(page.chunk)) seen.add(body)
    from = page.chunk.length === 0 ? undefined : page.end
  }
  const all = [...Array.from({ length: 5 }, (_, at) => `deep ${at + 1}`), ...flat.map((_, at) => `flat ${at}`)]
  expect([...seen].sort()).toEqual(all.sort())
})

const bodiesOf = (events: readonly Json[]): readonly string[] =>
  events.flatMap(({ type, content }) => (type === 'm.room.message' ? [content.body] : []))

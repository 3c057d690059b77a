import fc from 'fast-check'
import { it } from 'vitest'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { KINDS, SearchWorld, type Step } from './search-world.ts'

const WEIGHTS: Readonly<Partial<Record<Step['kind'], number>>> = {
  send: 8,
  edit: 6,
  redact: 4,
  join: 4,
  leave: 2,
  visibility: 3,
}

const step: fc.Arbitrary<Step> = fc.oneof(
  ...KINDS.map((kind) => ({
    weight: WEIGHTS[kind] ?? 1,
    arbitrary: fc.record({
      kind: fc.constant(kind),
      room: fc.nat(1),
      who: fc.nat(2),
      pick: fc.nat(40),
      how: fc.nat(60),
    }),
  })),
)

onEveryHomeserver('searches', (start) => {
  const shared = shareHomeserver(start)

  it('answer each reader as a plain model does: messages, edits, redactions, joins, leaves, visibility, pages, restarts', async () => {
    const homeserver = await shared()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 25, maxLength: 60 }), async (steps) => {
        const world = await SearchWorld.make(homeserver)
        for (const one of steps) await world.take(one)
        await world.end()
      }),
      { numRuns: 25, endOnFailure: true },
    )
  }, 120_000)
})

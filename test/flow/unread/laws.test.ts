import fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { PushGateway } from '../../support/other-servers/push-gateway.ts'
import { KINDS, type Step, World } from './world.ts'

/** More of them than each run of all tests takes: `HOMEROOM_TEST_HISTORIES=1000`. */
const HISTORIES = Number(process.env.HOMEROOM_TEST_HISTORIES ?? 25)

const WEIGHTS: Readonly<Partial<Record<Step['kind'], number>>> = {
  send: 10,
  relate: 6,
  receipt: 5,
  redact: 3,
  rule: 2,
  subscribe: 2,
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

describe('unread counts', () => {
  let homeserver: TestHomeserver
  let gateway: PushGateway
  beforeAll(async () => {
    homeserver = await startHomeserver({ settings: { push: { allowPrivateAddresses: true } } })
    gateway = await PushGateway.start()
  })
  afterAll(async () => {
    await homeserver.stop()
    await gateway[Symbol.asyncDispose]()
  })

  it(
    'equal the plain model after each step, told at once: receipts, threads, edits, profiles, redactions, ignoring, rules, mutes, threads subscribed to, joins, leaves, restarts',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          const world = await World.make(homeserver)
          for (const one of steps) await world.take(one)
          await world.end()
          await world.endWithBadge(gateway)
        }),
        { numRuns: HISTORIES, endOnFailure: true },
      )
    },
    120_000 + HISTORIES * 5_000,
  )
})

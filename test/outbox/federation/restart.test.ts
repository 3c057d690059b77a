import { describe, expect, test } from 'vitest'
import { silentLogger } from '#base'
import { FederationFailure } from '#net'
import type { ServerName } from '#spec'
import { Leases, writers } from '#store'
import { onEveryDatabase } from '../../contract/databases.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { eventually, Network, openOut, roomWith, say } from './house.ts'

const NEAR = 'near.example' as ServerName
const FAR = 'far.example' as ServerName

const edu = (said: string) => ({ edu_type: 'm.test', content: { said } })
const eduOf = (network: Network, server: ServerName) => network.to(server).flatMap(({ edus }) => edus)

onEveryDatabase('sending over restarts', (open) => {
  describe('events', () => {
    test('that a server had not taken when the process ended go to it after the start, all of them', async () => {
      const [store, clock, before, after] = [await open(), new SteppedClock(), new Network(), new Network()]
      before.does(NEAR, () => new Promise(() => {}))
      const room = await roomWith(store, NEAR, FAR)
      const ended = await openOut(store, before, clock)
      ended.start()
      await say(store, room, '1', '2')
      await eventually(() => expect(before.saidTo(FAR)).toEqual(['1', '2']))
      clock.advance(1_001)
      await say(store, room, '3')
      await eventually(() => expect(before.saidTo(FAR)).toEqual(['1', '2', '3']))
      // The first process sends nothing more: its requests hang, and it is never stopped in order.
      for (const server of [NEAR, FAR]) before.does(server, () => new Promise(() => {}))
      const out = await openOut(store, after, clock)
      out.start()
      await say(store, room, '4')
      await eventually(() => expect(after.saidTo(NEAR)).toEqual(['1', '2', '3', '4']))
      await eventually(() => expect(after.saidTo(FAR).at(-1)).toBe('4'))
      await out.stop()
    })

    test('that were taken are not sent again after a stop', async () => {
      const [store, clock, before, after] = [await open(), new SteppedClock(), new Network(), new Network()]
      const room = await roomWith(store, NEAR)
      const ended = await openOut(store, before, clock)
      ended.start()
      await say(store, room, '1', '2')
      await eventually(() => expect(before.saidTo(NEAR)).toEqual(['1', '2']))
      await ended.stop()
      await say(store, room, 'while nobody sent')
      const out = await openOut(store, after, clock)
      out.start()
      await eventually(() => expect(after.saidTo(NEAR)).toEqual(['while nobody sent']))
      await out.stop()
    })

    test('for many servers that failed are not all sent at once', async () => {
      const [store, clock, network] = [await open(), new SteppedClock(), new Network()]
      const servers = Array.from({ length: 1_000 }, (_, index) => `server${index}.example` as ServerName)
      const room = await roomWith(store, ...servers)
      const { events: position } = await store.positions()
      await say(store, room, 'missed')
      const { events: reached } = await store.positions()
      const failed = { position, failures: 3, failingSinceMs: clock.nowMs() - 60_000, retryAtMs: clock.nowMs() - 1_000 }
      const behind = servers.map((server) => ({ server, ...failed, lastSuccessMs: undefined }))
      await store.commit([writers.federationOut.save({ position: reached, rooms: [], behind, caughtUp: [] })])
      const out = await openOut(store, network, clock)
      out.start()
      await eventually(() => expect(out.statuses()).toHaveLength(1_000))
      await say(store, room, 'now')
      for (let second = 1; second <= 5; second++) {
        clock.advance(1_000)
        await eventually(() => expect(network.sent.length).toBeGreaterThan(second * 2))
        expect(network.sent.length).toBeLessThan(second * 60 + 60)
      }
      clock.advance(60_000)
      await eventually(() => expect(new Set(network.sent.map(({ to }) => to)).size).toBe(1_000))
      await eventually(() => expect(network.saidTo(servers[0] as ServerName)).toEqual(['missed', 'now']))
      await out.stop()
    })
  })

  describe('EDUs that must not be lost', () => {
    test('wait for a server over a restart, and go once', async () => {
      const [store, clock, before, after] = [await open(), new SteppedClock(), new Network(), new Network()]
      before.fails(NEAR)
      const ended = await openOut(store, before, clock)
      ended.start()
      await ended.queueEdu([NEAR, FAR], edu('one'))
      await eventually(() => expect(eduOf(before, FAR)).toEqual([edu('one')]))
      await eventually(() => expect(ended.statuses().find(({ server }) => server === NEAR)?.failures).toBe(1))
      await ended.queueEdu([NEAR], edu('replaced'), { key: 'k' })
      await ended.queueEdu([NEAR], edu('two'), { key: 'k' })
      await ended.stop()
      const out = await openOut(store, after, clock)
      out.start()
      clock.advance(60_000)
      await eventually(() => expect(eduOf(after, NEAR)).toEqual([edu('one'), edu('two')]))
      await eventually(async () => expect(await store.federationOut.waitingEdus(NEAR, 10)).toEqual([]))
      expect(eduOf(after, FAR)).toEqual([])
      await out.stop()
    })

    test('go fifty at a time, and events with them', async () => {
      const [store, clock, network] = [await open(), new SteppedClock(), new Network()]
      const out = await openOut(store, network, clock)
      for (let index = 0; index < 120; index++) await out.queueEdu([NEAR], edu(String(index)))
      out.start()
      await eventually(() => expect(eduOf(network, NEAR)).toHaveLength(120))
      expect(eduOf(network, NEAR)).toEqual(Array.from({ length: 120 }, (_, index) => edu(String(index))))
      expect(Math.max(...network.sent.map(({ edus }) => edus.length))).toBe(50)
      await out.stop()
    })
  })

  test('one process sends at a time, and another goes on for it', async () => {
    const [store, clock, first, second] = [await open(), new SteppedClock(), new Network(), new Network()]
    const processes = await Promise.all(
      [first, second].map(async (network, index) => {
        const out = await openOut(store, network, clock)
        const leases = new Leases({
          ...{ clock, writer: writers.leases, commit: store.commit, logger: silentLogger },
          owner: `process ${index}`,
          lifetimeMs: 60_000,
        })
        leases.add('federation-out', out)
        return leases
      }),
    )
    for (const leases of processes) await leases.start()
    const room = await roomWith(store, NEAR)
    await say(store, room, '1', '2')
    await eventually(() => expect([...first.saidTo(NEAR), ...second.saidTo(NEAR)]).toEqual(['1', '2']))
    expect([first.sent.length, second.sent.length]).toContain(0)
    const [holder = processes[0], other] = first.sent.length > 0 ? processes : [...processes].reverse()
    await holder?.stop()
    await say(store, room, '3')
    clock.advance(21_000)
    await eventually(() => expect([...first.saidTo(NEAR), ...second.saidTo(NEAR)].sort()).toEqual(['1', '2', '3']))
    await other?.stop()
  })

  test('a server that was not allowed any more is not asked again and again', async () => {
    const [store, clock, network] = [await open(), new SteppedClock(), new Network()]
    network.does(NEAR, ({ to }) => {
      throw new FederationFailure({ destination: to, kind: 'not-allowed', reason: 'denied' })
    })
    const room = await roomWith(store, NEAR)
    const out = await openOut(store, network, clock)
    out.start()
    for (const text of ['1', '2', '3', '4', '5']) await say(store, room, text)
    await eventually(() => expect(out.statuses()[0]?.failures).toBe(1))
    expect(network.sent).toHaveLength(1)
    await out.stop()
  })
})

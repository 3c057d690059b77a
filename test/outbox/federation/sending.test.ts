import { describe, expect, test } from 'vitest'
import { FederationFailure } from '#net'
import type { ServerName } from '#spec'
import { writers } from '#store'
import { onEveryDatabase } from '../../contract/databases.ts'
import { applyTo, member, message } from '../../contract/room-fixtures.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import {
  eventually,
  Network,
  openOut,
  Readable,
  roomWith,
  type SentTransaction,
  say,
  sayAtOnce,
  saying,
  userOf,
} from './house.ts'

const NEAR = 'near.example' as ServerName
const FAR = 'far.example' as ServerName
const LATE = 'late.example' as ServerName
const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Refuses each transaction with that event in it. */
const refusing =
  (bad: string, taken: string[]) =>
  ({ to, pdus }: SentTransaction) => {
    if (pdus.includes(bad))
      throw new FederationFailure({ destination: to, kind: 'refused', reason: 'bad event', status: 400 })
    taken.push(...pdus)
    return {}
  }

const numbers = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => String(index))

onEveryDatabase('sending to other servers', (open) => {
  const start = async () => {
    const [store, network, clock] = [await open(), new Network(), new SteppedClock()]
    const out = await openOut(store, network, clock)
    out.start()
    return { store, network, clock, out }
  }

  describe('events', () => {
    test('go to the servers in the room, in order, and no others', async () => {
      const { store, network, out } = await start()
      const [room, local, other] = [
        await roomWith(store, NEAR, FAR),
        await roomWith(store),
        await roomWith(store, LATE),
      ]
      await say(store, room, 'one', 'two')
      await say(store, local, 'nobody hears this')
      await say(store, room, 'three')
      await say(store, other, 'elsewhere')
      await eventually(() => expect(network.saidTo(FAR)).toEqual(['one', 'two', 'three']))
      await eventually(() => expect(network.saidTo(NEAR)).toEqual(['one', 'two', 'three']))
      await eventually(() => expect(network.saidTo(LATE)).toEqual(['elsewhere']))
      await out.stop()
    })

    test('of other servers are sent on only where this server took them in, and not back', async () => {
      const { store, network, out } = await start()
      const room = await roomWith(store, NEAR, FAR)
      const join = member(userOf(LATE), 'join', { sender: userOf(LATE), json: saying('joins here') })
      await store.commit([writers.federationOut.forward(join.eventId)])
      await applyTo(store, room, [message({ sender: userOf(NEAR), json: saying('theirs') }), join])
      await say(store, room, 'ours')
      for (const server of [NEAR, FAR])
        await eventually(() => expect(network.saidTo(server)).toEqual(['joins here', 'ours']))
      await eventually(() => expect(network.saidTo(LATE)).toEqual(['ours']))
      await out.stop()
    })

    test('that throw a server out reach it, and those that take an invite back', async () => {
      const { store, network, out } = await start()
      const room = await roomWith(store, NEAR)
      const membership = (kind: string) => JSON.stringify({ content: { membership: kind, body: kind } })
      await applyTo(store, room, [member(userOf(LATE), 'invite', { json: membership('invite') })])
      await applyTo(store, room, [member(userOf(LATE), 'leave', { json: membership('leave') })])
      await applyTo(store, room, [member(userOf(NEAR), 'ban', { json: membership('ban') })])
      await applyTo(store, room, [member(userOf(FAR), 'ban', { json: membership('ban') })])
      await say(store, room, 'alone again')
      await eventually(() => expect(network.saidTo(NEAR)).toEqual(['invite', 'leave', 'ban']))
      await eventually(() => expect(network.saidTo(LATE)).toEqual(['leave']))
      await out.stop()
      expect(network.to(FAR)).toEqual([])
    })

    test('go one transaction at a time, at most fifty in each, in one text for all', async () => {
      const { store, network, out } = await start()
      const room = await roomWith(store, NEAR, FAR)
      let [open, answer] = [0, () => {}]
      const answered = new Promise<void>((resolve) => {
        answer = resolve
      })
      network.does(NEAR, async () => {
        expect(++open).toBe(1)
        await answered
        open--
        return {}
      })
      await sayAtOnce(store, room, numbers(120))
      await eventually(() => expect(network.saidTo(FAR)).toEqual(numbers(120)))
      answer()
      for (const server of [NEAR, FAR]) await eventually(() => expect(network.saidTo(server)).toEqual(numbers(120)))
      expect(network.to(NEAR)[1]?.pdus).toHaveLength(50)
      expect(Math.max(...network.sent.map(({ pdus }) => pdus.length))).toBe(50)
      expect(new Set(network.sent.map(({ txnId }) => txnId)).size).toBe(network.sent.length)
      await out.stop()
    })
  })

  describe('a server that does not answer', () => {
    test('gets the same transaction again, and then what came meanwhile', async () => {
      const { store, network, clock, out } = await start()
      const room = await roomWith(store, NEAR, FAR)
      network.fails(NEAR)
      await say(store, room, 'one')
      await eventually(() => expect(network.to(NEAR)).toHaveLength(1))
      await say(store, room, 'two', 'three')
      await eventually(() => expect(network.saidTo(FAR)).toEqual(['one', 'two', 'three']))
      expect(network.to(NEAR)).toHaveLength(1)
      network.works(NEAR)
      await eventually(() => expect(out.statuses().find(({ server }) => server === NEAR)?.failures).toBe(1))
      clock.advance(10_001)
      await eventually(() => expect(network.saidTo(NEAR)).toEqual(['one', 'one', 'two', 'three']))
      const [first, again] = network.to(NEAR)
      expect(again).toEqual(first)
      await out.stop()
    })

    test('is tried after ever longer pauses, at most a day, and not at all after thirty days', async () => {
      const { store, network, clock, out } = await start()
      const room = await roomWith(store, NEAR)
      network.fails(NEAR)
      const began = clock.nowMs()
      await say(store, room, 'one')
      const status = () => out.statuses()[0]
      const pauses: number[] = []
      for (let tries = 1; clock.nowMs() - began < 30 * DAY; tries++) {
        await eventually(() => expect(status()?.failures).toBe(tries))
        const pauseMs = (status()?.retryAtMs ?? 0) - clock.nowMs()
        pauses.push(pauseMs)
        clock.advance(pauseMs - 500)
        expect(network.to(NEAR)).toHaveLength(tries)
        clock.advance(501)
        await eventually(() => expect(network.to(NEAR)).toHaveLength(tries + 1))
      }
      expect(pauses[0]).toBeGreaterThan(4_000)
      expect(pauses[0]).toBeLessThanOrEqual(10_000)
      expect(Math.max(...pauses)).toBeLessThanOrEqual(DAY)
      expect(pauses.at(-1)).toBeGreaterThan(DAY / 2)
      await eventually(() => expect(status()).toMatchObject({ retryAtMs: undefined, behind: true }))
      const { length } = network.to(NEAR)
      clock.advance(10 * DAY)
      await say(store, room, 'two')
      expect(network.to(NEAR)).toHaveLength(length)
      network.works(NEAR)
      out.heard(NEAR)
      await eventually(() => expect(network.saidTo(NEAR).at(-1)).toBe('two'))
      await out.stop()
    })

    test('does not delay others', async () => {
      const { store, network } = await start()
      const dead = Array.from({ length: 300 }, (_, index) => `dead${index}.example` as ServerName)
      for (const server of dead) network.does(server, () => new Promise(() => {}))
      const room = await roomWith(store, ...dead, NEAR)
      await say(store, room, 'one', 'two')
      await eventually(() => expect(network.saidTo(NEAR)).toEqual(['one', 'two']))
    })

    test('is tried at once when it is heard of, but not all the time', async () => {
      const { store, network, clock, out } = await start()
      const room = await roomWith(store, NEAR)
      network.fails(NEAR)
      await say(store, room, 'one')
      for (let failures = 1; failures < 6; failures++) {
        await eventually(() => expect(out.statuses()[0]?.failures).toBe(failures))
        clock.advance(HOUR / 2)
      }
      await eventually(() => expect(out.statuses()[0]?.failures).toBe(6))
      const { length } = network.to(NEAR)
      network.works(NEAR)
      out.heard(NEAR)
      out.heard(NEAR)
      expect(network.to(NEAR)).toHaveLength(length)
      clock.advance(31_000)
      await eventually(() => expect(network.saidTo(NEAR).at(-1)).toBe('one'))
      await eventually(() => expect(out.statuses()[0]).toMatchObject({ failures: 0, behind: false }))
      await out.stop()
    })

    test('gets the newest event of each room after a long time, once', async () => {
      const { store, network, clock, out } = await start()
      const [one, two] = [await roomWith(store, NEAR, FAR), await roomWith(store, NEAR)]
      network.fails(NEAR)
      await say(store, one, 'one 1')
      await eventually(() => expect(out.statuses().find(({ server }) => server === NEAR)?.failures).toBe(1))
      for (let failures = 2; failures < 9; failures++) {
        clock.advance(HOUR / 2)
        await eventually(() => expect(out.statuses().find(({ server }) => server === NEAR)?.failures).toBe(failures))
      }
      await say(store, one, 'one 2', 'one 3')
      await say(store, two, 'two 1', 'two 2')
      await eventually(() => expect(network.saidTo(FAR).at(-1)).toBe('one 3'))
      const { events } = await store.positions()
      await eventually(async () => {
        clock.advance(1_001)
        expect(await store.federationOut.progress()).toBe(events)
      })
      const tries = network.to(NEAR).length
      network.works(NEAR)
      out.retry(NEAR)
      await eventually(() => expect(out.statuses().find(({ server }) => server === NEAR)?.behind).toBe(false))
      await say(store, two, 'two 3')
      const got = () =>
        network
          .to(NEAR)
          .slice(tries)
          .flatMap(({ pdus }) => pdus)
      await eventually(() => expect(got()).toEqual(['one 3', 'two 2', 'two 3']))
      await out.stop()
    })
  })

  describe('EDUs that wait', () => {
    test('are sent after all where the database could not be read just then', async () => {
      const [store, network, clock] = [await open(), new Network(), new SteppedClock()]
      const database = new Readable()
      const out = await openOut(store, network, clock, { reader: database.of(store.federationOut, 'waitingEdus') })
      out.start()
      database.isRead = false
      const json = '{"content":{},"edu_type":"org.example.test"}'
      await store.commit([writers.federationOut.queueEdu({ json, servers: [NEAR] })])
      await eventually(() => expect(out.statuses()[0]?.retryAtMs).toBeDefined())
      database.isRead = true
      clock.advance(10_000)
      await eventually(() => expect(network.to(NEAR).flatMap(({ edus }) => edus)).toEqual([JSON.parse(json)]))
      await out.stop()
    })
  })

  describe('a server that refuses', () => {
    test('single events gets no more of them, and all others', async () => {
      const { store, network, out } = await start()
      const room = await roomWith(store, NEAR)
      network.does(NEAR, ({ pdus }) => ({ pdus: Object.fromEntries(pdus.map((said) => [said, { error: 'no' }])) }))
      await say(store, room, 'one', 'two')
      await eventually(() => expect(network.saidTo(NEAR)).toEqual(['one', 'two']))
      await eventually(() => expect(out.statuses()[0]).toMatchObject({ failures: 0, pending: 0 }))
      await out.stop()
    })

    test('whole transactions because of one event gets all others', async () => {
      const { store, network, out } = await start()
      const room = await roomWith(store, NEAR)
      const taken: string[] = []
      network.does(NEAR, refusing('7', taken))
      await sayAtOnce(store, room, numbers(20))
      await eventually(() => expect(taken).toEqual(numbers(20).filter((said) => said !== '7')))
      await out.stop()
    })

    test('for a while is left alone for as long as it says', async () => {
      const { store, network, clock, out } = await start()
      const room = await roomWith(store, NEAR)
      network.fails(NEAR, 429, 90_000)
      await say(store, room, 'one')
      await eventually(() => expect(out.statuses()[0]?.failures).toBe(1))
      network.works(NEAR)
      clock.advance(80_000)
      await say(store, room, 'two')
      expect(network.to(NEAR)).toHaveLength(1)
      clock.advance(11_000)
      await eventually(() => expect(network.saidTo(NEAR)).toEqual(['one', 'one', 'two']))
      await out.stop()
    })
  })
})

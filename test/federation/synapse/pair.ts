import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { FEDERATION_CERTIFICATE, FEDERATION_KEY, TEST_AUTHORITY } from '../../support/certificate.ts'
import type { Json, TestClient } from '../../support/client.ts'
import {
  type DatabaseKind,
  type HomeserverSetup,
  startHomeserver,
  type TestHomeserver,
} from '../../support/homeserver.ts'
import { scratchFolder } from '../../support/scratch.ts'
import { freePort, SYNAPSE, Synapse } from './synapse.ts'

export type SideName = 'Homeroom' | 'Synapse'
/** What a scene asks of either server. */
export type Side = Pick<TestHomeserver, 'register'> & { readonly serverName: string }

/** A Homeroom and a Synapse that reach each other by TLS on loopback; their names say where. */
export class Pair {
  readonly homeroom: TestHomeserver
  readonly synapse: Synapse
  readonly #folder: string

  private constructor(homeroom: TestHomeserver, synapse: Synapse, folder: string) {
    this.homeroom = homeroom
    this.synapse = synapse
    this.#folder = folder
  }

  static async start({ database = 'sqlite', settings = {} }: PairSetup = {}): Promise<Pair> {
    const folder = scratchFolder('pair')
    const put = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const tlsPort = await freePort()
    const synapse = await Synapse.start()
    try {
      const homeroom = await startHomeserver({
        database,
        settings: {
          ...settings,
          server: { name: `localhost:${tlsPort}` },
          listen: { tlsPort, tlsCert: put('tls.crt', FEDERATION_CERTIFICATE), tlsKey: put('tls.key', FEDERATION_KEY) },
          registration: { mode: 'open' },
          federation: {
            allowedNetworks: ['127.0.0.0/8', '::1/128'],
            ca: [put('ca.crt', TEST_AUTHORITY)],
            ...settings.federation,
          },
        },
      })
      return new Pair(homeroom, synapse, folder)
    } catch (error) {
      await synapse.stop()
      throw error
    }
  }

  side(name: SideName): Side {
    if (name === 'Homeroom') return this.homeroom
    const { synapse } = this
    return { serverName: synapse.name, register: (username) => synapse.register(username) }
  }

  async stop(): Promise<void> {
    await Promise.all([this.homeroom.stop(), this.synapse.stop()])
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

interface PairSetup {
  readonly database?: DatabaseKind
  readonly settings?: NonNullable<HomeserverSetup['settings']>
}

const START_MS = 120_000

/** Scenes with a real other homeserver, one pair for all of them; skipped with a reason where there is no Synapse. */
export const withSynapse = (name: string, scenes: (pair: () => Pair) => void, setup: PairSetup = {}): void => {
  if (SYNAPSE === undefined) {
    const none = (): Pair => {
      throw new Error('there is no Synapse')
    }
    describe.skip(`${name} (skipped: no HOMEROOM_TEST_SYNAPSE)`, () => scenes(none))
    return
  }
  describe(name, { timeout: 120_000 }, () => {
    let pair: Pair | undefined
    beforeAll(async () => {
      pair = await Pair.start(setup)
    }, START_MS)
    afterAll(() => pair?.stop(), START_MS)
    // By hand: what Synapse had to say of a scene that failed.
    afterEach(({ task }) => {
      if (process.env.HOMEROOM_TEST_SYNAPSE_LOG !== undefined && task.result?.state === 'fail')
        console.info(pair?.synapse.log)
    })
    scenes(() => {
      if (pair === undefined) throw new Error('the pair did not start')
      return pair
    })
  })
}

/** Both directions of a scene: the server on which the room is made, and the other one. */
export const BOTH_WAYS: readonly (readonly [SideName, SideName])[] = [
  ['Homeroom', 'Synapse'],
  ['Synapse', 'Homeroom'],
]

const enc = encodeURIComponent
const WAIT = { timeout: 30_000, interval: 150 }

/** Waits until the client may see the event in its room; answers with it. */
export const eventArrives = async (client: TestClient, roomId: string, eventId: string): Promise<Json> => {
  const path = `/v3/rooms/${enc(roomId)}/event/${enc(eventId)}`
  await expect.poll(async () => (await client.request('GET', path)).status, WAIT).toBe(200)
  return client.get(path)
}

/** Waits until the client, paging back, finds an event from before it was in the room. */
export const historyHas = async (client: TestClient, roomId: string, eventId: string): Promise<void> => {
  const ids = async (): Promise<string[]> =>
    Object.keys((await roomAsSeen(client, roomId)).history).map((key) => key.split(' ')[0] ?? '')
  await expect.poll(ids, WAIT).toContain(eventId)
}

/** Waits until the state entry is what is looked for; undefined stands for "none". */
export const stateBecomes = async (
  client: TestClient,
  roomId: string,
  [type, stateKey]: readonly [string, string],
  holds: (content: Json) => boolean,
): Promise<void> => {
  const path = `/v3/rooms/${enc(roomId)}/state/${enc(type)}/${enc(stateKey)}`
  const content = async (): Promise<Json> => {
    const { status, body } = await client.request('GET', path)
    return status === 200 ? body : undefined
  }
  await expect.poll(async () => holds(await content()), { ...WAIT, message: `${type} of ${stateKey}` }).toBe(true)
}

export const membershipBecomes = (
  client: TestClient,
  roomId: string,
  userId: string,
  membership: string,
): Promise<void> =>
  stateBecomes(client, roomId, ['m.room.member', userId], (content) => content?.membership === membership)

/** Waits until a `/sync` of the client has shown what is looked for; answers with that. */
export const syncShows = async <Found>(
  client: TestClient,
  find: (sync: Json) => Found | undefined,
  timeoutMs = 30_000,
): Promise<Found> => {
  const until = Date.now() + timeoutMs
  let since: string | undefined
  while (Date.now() < until) {
    const sync: Json = await client.sync({ since, timeout: since === undefined ? 0 : 1000 })
    const found = find(sync)
    if (found !== undefined) return found
    since = sync.next_batch
  }
  throw new Error('no sync showed what was waited for')
}

interface RoomAsSeen {
  /** `type|state key` to event id. */
  readonly state: Readonly<Record<string, string>>
  /** Event id and type to what clients are told of it, for all of the history. */
  readonly history: Readonly<Record<string, Json>>
}

const roomAsSeen = async (client: TestClient, roomId: string): Promise<RoomAsSeen> => {
  const state: Json[] = await client.get(`/v3/rooms/${enc(roomId)}/state`)
  const history: Record<string, Json> = {}
  let from: string | undefined
  for (let page = 0; page < 200; page++) {
    const { chunk, end } = await client.messages(roomId, { dir: 'b', limit: 100, from })
    for (const { event_id, type, sender, content, state_key, origin_server_ts } of chunk)
      history[`${event_id} ${type}`] = { type, sender, content, state_key, origin_server_ts }
    if (end === undefined) break
    from = end
  }
  const entries = state.map(({ type, state_key, event_id }): [string, string] => [`${type}|${state_key}`, event_id])
  return { state: sorted(Object.fromEntries(entries)), history: sorted(history) }
}

const sorted = <Value>(object: Record<string, Value>): Record<string, Value> =>
  Object.fromEntries(Object.entries(object).sort(([left], [right]) => (left < right ? -1 : 1)))

/** Waits until both clients see the same state and the same history, event by event. */
export const roomsBecomeEqual = async (one: TestClient, other: TestClient, roomId: string): Promise<void> => {
  const seen = async (): Promise<[RoomAsSeen, RoomAsSeen]> => [
    await roomAsSeen(one, roomId),
    await roomAsSeen(other, roomId),
  ]
  const until = Date.now() + 30_000
  let [left, right] = await seen()
  while (JSON.stringify(left) !== JSON.stringify(right) && Date.now() < until) [left, right] = await seen()
  expect(left.state).toEqual(right.state)
  expect(Object.keys(left.history)).toEqual(Object.keys(right.history))
  expect(left.history).toEqual(right.history)
}

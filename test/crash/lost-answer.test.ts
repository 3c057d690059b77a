import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { askPostgres, createPostgres, POSTGRES, postgresUrl } from '../contract/databases.ts'
import { ServerProcess } from '../support/server-process.ts'
import { isUnavailableReply } from './ledger.ts'
import { until } from './pause.ts'
import { PostgresProxy } from './postgres-proxy.ts'
import { type Account, enc, type Json, register, Wire } from './wire.ts'

const skipped = POSTGRES === undefined ? ' (skipped: no PostgreSQL)' : ''
const TIME_MS = 120_000

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

interface Scene {
  readonly proxy: PostgresProxy
  readonly wire: Wire
  readonly bob: Account
  /** Made by somebody else; anyone may join. */
  readonly roomId: string
  /** Where bob's client stands. */
  readonly since: string
}

const startScene = async (): Promise<Scene> => {
  const folder = mkdtempSync(join(tmpdir(), 'homeroom-lost-'))
  undo.push(() => rmSync(folder, { recursive: true, force: true }))
  const database = `homeroom_lost_${process.pid}`
  await createPostgres(database)
  undo.push(() => askPostgres(`drop database ${database} with (force)`))
  const proxy = await PostgresProxy.start(postgresUrl(database))
  undo.push(() => proxy.stop())
  const server = new ServerProcess({ dataFolder: join(folder, 'data'), databaseUrl: proxy.url })
  undo.push(() => server.kill())
  await server.ready()
  const wire = new Wire(() => server.url)
  const alice = await register(wire, 'alice')
  const bob = await register(wire, 'bob')
  const body = { preset: 'public_chat' }
  const room = await wire.ok({ method: 'POST', path: '/v3/createRoom', token: alice.token, body })
  const sync = await wire.ok({ method: 'GET', path: '/v3/sync', token: bob.token })
  return { proxy, wire, bob, roomId: room.room_id, since: sync.next_batch }
}

const joinRoom = ({ wire, bob, roomId }: Scene) =>
  wire.ask({ method: 'POST', path: `/v3/join/${enc(roomId)}`, token: bob.token, body: {} })

/** Goes on with bob's token until the room is in an answer: what is in it then. */
const seenByBob = ({ wire, bob, roomId, since }: Scene): Promise<Json> => {
  let token = since
  return until('the room is in /sync', 20_000, async () => {
    const path = `/v3/sync?timeout=1000&since=${enc(token)}`
    const { rooms, next_batch } = await wire.ok({ method: 'GET', path, token: bob.token })
    token = next_batch
    return rooms?.join?.[roomId]
  })
}

const expectJoin = async (scene: Scene): Promise<void> => {
  const { timeline } = await seenByBob(scene)
  expect(timeline.events.at(-1)).toMatchObject({ type: 'm.room.member', state_key: scene.bob.userId })
}

describe('a commit whose answer is lost', () => {
  it.skipIf(skipped !== '')(
    `may be asked for again, and is then seen by all who look${skipped}`,
    async () => {
      const scene = await startScene()
      scene.proxy.loseNextCommitAnswer()
      expect(await joinRoom(scene)).toSatisfy(isUnavailableReply)
      await until('the join is answered', 20_000, async () =>
        (await joinRoom(scene))?.status === 200 ? true : undefined,
      )
      await expectJoin(scene)
    },
    TIME_MS,
  )

  it.skipIf(skipped !== '')(
    `is seen soon also where nobody asks again${skipped}`,
    async () => {
      const scene = await startScene()
      scene.proxy.loseNextCommitAnswer()
      expect(await joinRoom(scene)).toSatisfy(isUnavailableReply)
      await expectJoin(scene)
    },
    TIME_MS,
  )
})

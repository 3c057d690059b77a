import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import { ServerProcess, type ServerSetup } from '../support/server-process.ts'
import { isUnavailableReply } from './ledger.ts'
import { until } from './pause.ts'
import { PostgresCluster, postgresPrograms } from './postgres-cluster.ts'
import { SmallDisk } from './small-disk.ts'
import { type Account, enc, type Json, type Reply, register, Wire } from './wire.ts'

const TIME_MS = 120_000
/** How long a server may take to find out that its database is back. */
const BACK_WITHIN_MS = 20_000

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

const dataFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'homeroom-faults-'))
  undo.push(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

/** A server, an account and a room of its own. */
class Scene {
  readonly server: ServerProcess
  readonly wire: Wire
  account: Account = { userId: '', token: '' }
  roomId = ''
  /** Event ids that were answered 200. */
  readonly acknowledged: string[] = []
  #sent = 0

  constructor(server: ServerProcess) {
    this.server = server
    this.wire = new Wire(() => server.url)
  }

  async prepare(): Promise<void> {
    this.account = await register(this.wire, 'alice')
    const { token } = this.account
    this.roomId = (await this.wire.ok({ method: 'POST', path: '/v3/createRoom', token, body: {} })).room_id
  }

  async send(text = 'hello'): Promise<Reply> {
    this.#sent += 1
    const path = `/v3/rooms/${enc(this.roomId)}/send/m.room.message/t${this.#sent}`
    const body = { msgtype: 'm.text', body: text }
    const reply = await this.wire.ask({ method: 'PUT', path, token: this.account.token, body })
    if (reply === undefined) throw new Error('no answer')
    if (reply.status === 200) this.acknowledged.push(reply.body.event_id)
    return reply
  }

  async get(path: string): Promise<Reply> {
    const reply = await this.wire.ask({ method: 'GET', path, token: this.account.token })
    if (reply === undefined) throw new Error('no answer')
    return reply
  }

  /** The messages of the room, oldest first. */
  async messages(): Promise<readonly Json[]> {
    const { status, body } = await this.get(`/v3/rooms/${enc(this.roomId)}/messages?dir=b&limit=1000`)
    expect(status).toBe(200)
    return body.chunk.filter((event: Json) => event.type === 'm.room.message').toReversed()
  }

  /** Sends until it is served again; everything that is not 200 until then must say so as it should. */
  async sendUntilServed(): Promise<void> {
    await until('messages are taken again', BACK_WITHIN_MS, async () => {
      const reply = await this.send('again')
      if (reply.status === 200) return true
      expect(reply).toSatisfy(isUnavailableReply)
      return undefined
    })
  }

  async expectNothingLost(): Promise<void> {
    const ids = (await this.messages()).map((event) => event.event_id)
    expect(ids.filter((id) => this.acknowledged.includes(id))).toEqual(this.acknowledged)
    expect(new Set(ids).size).toBe(ids.length)
  }
}

const startScene = async (setup: ServerSetup): Promise<Scene> => {
  const server = new ServerProcess(setup)
  undo.push(() => server.kill())
  await server.ready()
  const scene = new Scene(server)
  await scene.prepare()
  return scene
}

const programs = postgresPrograms()

describe('PostgreSQL that vanishes', () => {
  it.skipIf(programs === undefined).each(['immediate', 'fast'] as const)(
    `leads to 503 until it is back (stop: %s)${programs === undefined ? ' (skipped: no PostgreSQL)' : ''}`,
    async (mode) => {
      const cluster = await PostgresCluster.create(programs ?? '')
      undo.push(() => cluster.discard())
      cluster.start()
      const scene = await startScene({ dataFolder: dataFolder(), databaseUrl: cluster.url })
      expect((await scene.send()).status).toBe(200)
      const since = (await scene.get('/v3/sync')).body.next_batch

      cluster.stop(mode)
      for (let tries = 0; tries < 3; tries += 1) expect(await scene.send()).toSatisfy(isUnavailableReply)
      expect(await scene.get(`/v3/rooms/${enc(scene.roomId)}/messages?dir=b`)).toSatisfy(isUnavailableReply)
      // What needs no database is answered as ever.
      expect((await scene.get('/versions')).status).toBe(200)

      cluster.start()
      await scene.sendUntilServed()
      await scene.expectNothingLost()
      const sync = await scene.get(`/v3/sync?since=${enc(since)}`)
      const events: Json[] = sync.body.rooms.join[scene.roomId].timeline.events
      expect(events.map((event) => event.event_id)).toEqual(expect.arrayContaining(scene.acknowledged.slice(1)))
      expect((await scene.server.terminate()).code).toBe(0)
    },
    TIME_MS,
  )
})

describe('an SQLite file that another process has locked', () => {
  it(
    'leads to 503 for writes while reads go on, and is written again once the lock is gone',
    async () => {
      const folder = dataFolder()
      const scene = await startScene({ dataFolder: folder })
      expect((await scene.send()).status).toBe(200)

      const other = new DatabaseSync(join(folder, 'homeroom.sqlite'))
      undo.push(() => other.close())
      other.exec('begin immediate')
      const refused = await Promise.all([scene.send('one'), scene.send('two')])
      for (const reply of refused) expect(reply).toSatisfy(isUnavailableReply)
      expect(await scene.messages()).toHaveLength(1)
      other.exec('rollback')

      await scene.sendUntilServed()
      await scene.expectNothingLost()
    },
    TIME_MS,
  )

  it(
    'does not start, in one clear line, and leaves no half of a schema behind',
    async () => {
      const folder = dataFolder()
      const scene = await startScene({ dataFolder: folder })
      await scene.server.terminate()
      const other = new DatabaseSync(join(folder, 'homeroom.sqlite'))
      undo.push(() => other.close())
      other.exec('begin immediate')
      const server = new ServerProcess({ dataFolder: folder })
      undo.push(() => server.kill())
      expect((await server.exited).code).toBe(1)
      expect(server.errors).toMatch(/^[^\n]*homeroom\.sqlite[^\n]*locked[^\n]*\n$/)
    },
    TIME_MS,
  )
})

const disk = SmallDisk.mount(12)
const noDisk = typeof disk === 'string' ? ` (skipped: ${disk})` : ''
if (typeof disk !== 'string') disk.unmount()

describe('a full disk', () => {
  const mounted = (): SmallDisk => {
    const small = SmallDisk.mount(12)
    if (typeof small === 'string') throw new Error(small)
    undo.push(() => small.unmount())
    return small
  }
  const large = 'x'.repeat(20_000)

  it.skipIf(noDisk !== '')(
    `leads to 503, keeps what was acknowledged, and goes on once there is space${noDisk}`,
    async () => {
      const small = mounted()
      const scene = await startScene({ dataFolder: join(small.folder, 'data') })
      expect((await scene.send()).status).toBe(200)
      small.fill()
      const refusal = await until('no message is taken any more', BACK_WITHIN_MS, async () => {
        const reply = await scene.send(large)
        return reply.status === 200 ? undefined : reply
      })
      expect(refusal).toSatisfy(isUnavailableReply)
      expect(await scene.send(large)).toSatisfy(isUnavailableReply)
      await scene.expectNothingLost()

      small.free()
      await scene.sendUntilServed()
      for (let n = 0; n < 20; n += 1) expect((await scene.send(large)).status).toBe(200)
      await scene.expectNothingLost()
    },
    TIME_MS,
  )

  it.skipIf(noDisk !== '')(
    `and a crash on top of it lose nothing that was acknowledged${noDisk}`,
    async () => {
      const small = mounted()
      const setup = { dataFolder: join(small.folder, 'data') }
      const before = await startScene(setup)
      for (let n = 0; n < 10; n += 1) expect((await before.send(large)).status).toBe(200)
      small.fill()
      await until('no message is taken any more', BACK_WITHIN_MS, async () => {
        const reply = await before.send(large)
        return reply.status === 200 ? undefined : true
      })
      await before.server.kill()
      small.free()

      const server = new ServerProcess(setup)
      undo.push(() => server.kill())
      await server.ready()
      const after = new Scene(server)
      after.account = before.account
      after.roomId = before.roomId
      after.acknowledged.push(...before.acknowledged)
      await after.expectNothingLost()
    },
    TIME_MS,
  )
})

describe('a server told to stop', () => {
  it(
    'answers whoever waits, keeps what it acknowledged, and exits with 0 within 10 s',
    async () => {
      const folder = dataFolder()
      const scene = await startScene({ dataFolder: folder })
      const since = (await scene.get('/v3/sync')).body.next_batch
      const waiting = [1, 2, 3].map(() => scene.get(`/v3/sync?timeout=60000&since=${enc(since)}`))
      // Answered after the waiting ones have arrived, for they came first on their connections' way to one thread.
      await scene.get('/v3/account/whoami')
      // Some may find the door closed already.
      const sending = Promise.allSettled(Array.from({ length: 20 }, () => scene.send()))

      const askedMs = performance.now()
      const exit = scene.server.terminate()
      for (const reply of await Promise.all(waiting)) {
        expect(reply.status).toBe(200)
        expect(reply.body.next_batch).toEqual(expect.any(String))
      }
      await sending
      expect(await exit).toEqual({ code: 0, signal: null })
      expect(performance.now() - askedMs).toBeLessThan(10_000)

      const server = new ServerProcess({ dataFolder: folder })
      undo.push(() => server.kill())
      await server.ready()
      const after = new Scene(server)
      after.account = scene.account
      after.roomId = scene.roomId
      const ids = (await after.messages()).map((event) => event.event_id)
      expect(ids).toEqual(expect.arrayContaining(scene.acknowledged))
    },
    TIME_MS,
  )
})

describe('a second server', () => {
  const refusedStart = async (setup: ServerSetup, code: number): Promise<string> => {
    const second = new ServerProcess(setup)
    undo.push(() => second.kill())
    expect((await second.exited).code).toBe(code)
    return second.errors
  }

  it(
    'on the same port says so in one line',
    async () => {
      const scene = await startScene({ dataFolder: dataFolder() })
      const { port } = new URL(scene.server.url)
      const errors = await refusedStart({ dataFolder: dataFolder(), flags: ['--port', port] }, 1)
      expect(errors).toMatch(/^[^\n]*\n$/)
      expect(errors).toContain(`Port ${port}`)
    },
    TIME_MS,
  )

  it(
    'on the same data folder says so in one line, and the first one is not disturbed',
    async () => {
      const folder = dataFolder()
      const scene = await startScene({ dataFolder: folder })
      const errors = await refusedStart({ dataFolder: folder }, 78)
      expect(errors).toMatch(/^[^\n]*\n$/)
      expect(errors).toContain(folder)
      expect((await scene.send()).status).toBe(200)

      // A killed server leaves nothing behind that would lock the folder.
      await scene.server.kill()
      const next = new ServerProcess({ dataFolder: folder })
      undo.push(() => next.kill())
      await next.ready()
    },
    TIME_MS,
  )
})

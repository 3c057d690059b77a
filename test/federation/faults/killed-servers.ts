import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { askPostgres, createPostgres, postgresUrl } from '../../contract/databases.ts'
import type { Dice } from '../../crash/dice.ts'
import type { Ledger } from '../../crash/ledger.ts'
import { pause, until } from '../../crash/pause.ts'
import { Watcher } from '../../crash/watcher.ts'
import { type Account, enc, register, Wire } from '../../crash/wire.ts'
import { MessageWriter, StateWriter, type Writer } from '../../crash/writers.ts'
import { ownAddress, type TlsFiles, writeTlsFiles } from '../../support/federation-servers.ts'
import type { DatabaseKind } from '../../support/homeserver.ts'
import { scratchFolder } from '../../support/scratch.ts'
import { CHEAP_PASSWORDS, ServerProcess, type ServerSetup } from '../../support/server-process.ts'

const TIMELINE_LIMIT = 1000
const LONG_POLL_MS = 500
const PAUSE_MS = 20
/** Longer than the pauses after the failures of one round. */
const ARRIVES_WITHIN_MS = 150_000

interface Place {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** One of two homeservers that are killed again and again, with the clients that it has. */
export class KilledServer {
  readonly name: string
  readonly wire: Wire
  readonly watcherMade: () => Watcher
  readonly #setup: ServerSetup
  #server: ServerProcess
  #url = ''
  #watcher: Watcher | undefined
  #account: Account | undefined
  kills = 0

  constructor(name: string, setup: ServerSetup) {
    this.name = name
    this.#setup = setup
    // Nobody listens at the address of a server that is dead: that is no answer.
    this.wire = new Wire(() => this.#url)
    this.watcherMade = () => {
      if (this.#watcher === undefined) throw new Error('nobody watches yet')
      return this.#watcher
    }
    this.#server = new ServerProcess(setup)
  }

  async open(): Promise<Account> {
    this.#url = await this.#server.ready()
    this.#account = await register(this.wire, 'somebody')
    return this.#account
  }

  async watch(ledger: Ledger): Promise<void> {
    if (this.#account === undefined) throw new Error('not open yet')
    this.#watcher = new Watcher({ wire: this.wire, ledger }, `watcher at ${this.name}`, this.#account, TIMELINE_LIMIT, {
      isFederated: true,
    })
    if (!(await this.#watcher.sync(0))) throw new Error('the first sync was not answered')
  }

  /** Dies in the middle of whatever it does, and starts again. */
  async dieAndLive(): Promise<void> {
    this.kills++
    await this.#server.kill()
    this.wire.reset()
    this.#server = new ServerProcess(this.#setup)
    this.#url = await this.#server.ready()
  }

  get errors(): string {
    return this.#server.errors
  }

  async stop(): Promise<void> {
    this.wire.reset()
    await this.#server.kill()
  }
}

/** Two homeservers in processes of their own, people on both who write into shared rooms, and a watcher on each. */
export class TwoKilledServers {
  readonly servers: readonly [KilledServer, KilledServer]
  readonly #ledger: Ledger
  readonly #dice: Dice
  readonly #discard: () => Promise<void>
  #writers: { readonly server: KilledServer; readonly writer: Writer }[] = []

  private constructor(
    servers: readonly [KilledServer, KilledServer],
    ledger: Ledger,
    dice: Dice,
    discard: () => Promise<void>,
  ) {
    this.servers = servers
    this.#ledger = ledger
    this.#dice = dice
    this.#discard = discard
  }

  static async start(databases: readonly DatabaseKind[], ledger: Ledger, dice: Dice): Promise<TwoKilledServers> {
    const tls = writeTlsFiles()
    const folder = scratchFolder('killed')
    const places: Place[] = []
    for (const name of ['first.example', 'second.example']) places.push({ name, ...(await ownAddress()) })
    const made: string[] = []
    const servers: KilledServer[] = []
    for (const [at, place] of places.entries()) {
      const database = databases[at] === 'postgres' ? `homeroom_killed_${process.pid}_${at}` : undefined
      if (database !== undefined) {
        await createPostgres(database)
        made.push(database)
      }
      servers.push(new KilledServer(place.name, setupOf(place, places, { tls, folder, database })))
    }
    const discard = async (): Promise<void> => {
      await Promise.all(servers.map((server) => server.stop()))
      for (const database of made) await askPostgres(`drop database ${database} with (force)`)
      rmSync(folder, { recursive: true, force: true })
      tls.discard()
    }
    const [first, second] = servers
    if (first === undefined || second === undefined) throw new Error('there must be two')
    const both = new TwoKilledServers([first, second], ledger, dice, discard)
    await both.#prepare()
    return both
  }

  /** Rooms made on either side, with somebody of each in them. */
  async #prepare(): Promise<void> {
    const [first, second] = this.servers
    const [alice, bob] = [await first.open(), await second.open()]
    const rooms: string[] = []
    for (const [maker, joiner, here, there] of [
      [alice, bob, first, second],
      [bob, alice, second, first],
    ] as const) {
      const { room_id: roomId } = await here.wire.ok({
        method: 'POST',
        path: '/v3/createRoom',
        token: maker.token,
        body: { preset: 'public_chat', power_level_content_override: { state_default: 0 } },
      })
      const via = enc(here.name)
      await there.wire.ok({
        method: 'POST',
        path: `/v3/join/${enc(roomId)}?server_name=${via}&via=${via}`,
        token: joiner.token,
        body: {},
      })
      rooms.push(roomId)
    }
    for (const [server, account, name] of [
      [first, alice, 'first'],
      [second, bob, 'second'],
    ] as const) {
      const shared = { wire: server.wire, ledger: this.#ledger, dice: this.#dice }
      await server.watch(this.#ledger)
      for (const number of [1, 2])
        this.#writers.push({ server, writer: new MessageWriter(shared, `${name}${number}`, account, rooms) })
      for (const [at, roomId] of rooms.entries())
        this.#writers.push({ server, writer: new StateWriter(shared, `${name}.state${at}`, account, roomId) })
    }
  }

  /** Everybody writes and watches, while `disturb` runs. */
  async underLoad(disturb: () => Promise<void>): Promise<void> {
    let over = false
    const writing = this.#writers.map(async ({ writer }) => {
      while (!over) {
        if ((await writer.step()) === 'unanswered') await pause(PAUSE_MS)
        await pause(this.#dice.between(0, PAUSE_MS))
      }
    })
    const watching = this.servers.map(async (server) => {
      while (!over) if (!(await server.watcherMade().sync(LONG_POLL_MS))) await pause(PAUSE_MS)
    })
    try {
      await disturb()
    } finally {
      over = true
      await Promise.all([...writing, ...watching])
    }
  }

  /** What was not answered is asked for again; then everything acknowledged on either side arrives at the watchers of both. */
  async settle(): Promise<void> {
    for (const { writer } of this.#writers)
      await until('an answer', ARRIVES_WITHIN_MS, async () =>
        (await writer.step()) === 'acknowledged' ? true : undefined,
      )
    for (const server of this.servers) {
      const watcher = server.watcherMade()
      await until(`all events at ${server.name}`, ARRIVES_WITHIN_MS, async () => {
        await watcher.sync(LONG_POLL_MS)
        return this.#ledger.events.every(({ eventId }) => watcher.has(eventId)) || undefined
      }).catch(() => {
        for (const { eventId, writer, n } of this.#ledger.events)
          if (!watcher.has(eventId)) this.#ledger.lost.push(`${eventId} (${writer} ${n}) at ${server.name}`)
      })
    }
  }

  async stop(): Promise<void> {
    await this.#discard()
  }
}

const setupOf = (
  { name, host, port }: Place,
  places: readonly Place[],
  { tls, folder, database }: { readonly tls: TlsFiles; readonly folder: string; readonly database: string | undefined },
): ServerSetup => ({
  dataFolder: join(folder, name),
  ...(database === undefined ? {} : { databaseUrl: postgresUrl(database) }),
  flags: ['--server-name', name, '--host', host, '--tls-port', `${port}`, '--tls-cert', tls.cert, '--tls-key', tls.key],
  env: {
    ...CHEAP_PASSWORDS,
    HOMEROOM_FEDERATION_ADDRESSES: places.map((place) => `${place.name}=${place.host}:${place.port}`).join(','),
    HOMEROOM_FEDERATION_CA: tls.ca,
  },
})

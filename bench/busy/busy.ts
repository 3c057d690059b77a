import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { Account } from '../client/account.ts'
import { HttpClient } from '../client/http-client.ts'
import { type Caller, enc } from '../growth/caller.ts'
import { GrownServer } from '../growth/grown-server.ts'
import { summarise } from '../measure/stats.ts'
import { formatMs } from '../report/format.ts'
import { renderTable } from '../report/table.ts'
import { pinSelf } from '../run/server-process.ts'
import { DEEDS, type DeedName, type DeedOptions, type Done } from './deeds.ts'
import { type Sends, sendSteadily } from './steady-sender.ts'

export const MAX_SEND_P99_MS = 100
const MEMBERS = 10_000
const READERS = 4
const SENDERS = 10
const CONNECTIONS = 64
/** What a server is configured to by default; the other servers of the bench hash more cheaply. */
const realPasswords = { HOMEROOM_PASSWORDS_HASH_MEMORY: '19MiB', HOMEROOM_PASSWORDS_HASH_PASSES: '2' }

export interface BusyOptions {
  readonly scale: 'small' | 'full'
  readonly seconds: number
  /** Only deeds whose name holds this text. */
  readonly cases: string
  readonly serverCpu: number | undefined
  readonly loadCpu: number | undefined
  /** Instead of SQLite. The database has to be empty. */
  readonly env?: Readonly<Record<string, string>>
}

export interface BusyRow {
  readonly name: DeedName
  readonly sends: Sends
  readonly done: Done
  readonly longestMs: number
  readonly peakRss: number
}

const probe = pathToFileURL(fileURLToPath(new URL('../measure/probe.mjs', import.meta.url))).href

/** A server with a room of many members, and ten people who talk in another room while others keep it busy. */
export class BusyServer {
  readonly #options: BusyOptions
  readonly #server = new GrownServer()
  readonly #readers: Caller[] = []
  readonly #uploader = this.#server.caller()
  readonly #talkers: Caller[] = []
  #roomId = ''
  #probeUrl = ''

  constructor(options: BusyOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    await this.#server.start()
    await this.#uploader.register('uploader')
    const hallId = await this.#uploader.createRoom({ preset: 'public_chat', name: 'Many' })
    for (let number = 0; number < READERS; number++)
      this.#readers.push(await this.#newcomer(`reader-${number}`, hallId))
    this.#roomId = await this.#uploader.createRoom({ preset: 'public_chat', name: 'Talk' })
    for (let number = 0; number < SENDERS; number++)
      this.#talkers.push(await this.#newcomer(`talker-${number}`, this.#roomId))
    await this.#server.stop()
    const copied = this.#readers[0]?.userId ?? ''
    const missing = MEMBERS * (this.#options.scale === 'small' ? 0.1 : 1) - READERS - 1
    this.#server.grow((rows) => rows.addMembers(hallId, copied, missing))
    const portFile = join(this.#server.folder, 'probe')
    await this.#server.start({ ...realPasswords, BENCH_PROBE: portFile, NODE_OPTIONS: `--import ${probe}` })
    this.#probeUrl = `http://127.0.0.1:${readFileSync(portFile, 'utf8')}`
    if (this.#options.serverCpu !== undefined) this.#server.pin(this.#options.serverCpu)
  }

  async #newcomer(name: string, roomId: string): Promise<Caller> {
    const caller = this.#server.caller()
    await caller.register(name)
    await caller.post(`/join/${enc(roomId)}`)
    return caller
  }

  async under(name: DeedName): Promise<BusyRow> {
    const http = new HttpClient(this.#server.url, CONNECTIONS)
    try {
      const senders = this.#talkers.map(({ userId, token }) => new Account(http, userId, token))
      await sendSteadily(senders, this.#roomId, new Promise((resolve) => setTimeout(resolve, 500)))
      await this.#took()
      const doing = this.#inThread(name)
      const sends = await sendSteadily(senders, this.#roomId, doing)
      return { name, sends, done: await doing, ...(await this.#took()) }
    } finally {
      await http.close()
    }
  }

  #inThread(name: DeedName): Promise<Done> {
    const options: DeedOptions = {
      url: this.#server.url,
      readers: this.#readers.map(({ token }) => token),
      uploader: this.#uploader.token,
      scale: this.#options.scale === 'small' ? 0.1 : 1,
      seconds: this.#options.seconds,
    }
    return new Promise((resolve, reject) => {
      const thread = new Worker(new URL('./deeds-thread.ts', import.meta.url), { workerData: { name, options } })
      thread.once('message', resolve)
      thread.once('error', reject)
    })
  }

  async #took(): Promise<{ readonly longestMs: number; readonly peakRss: number }> {
    return (await (await fetch(this.#probeUrl)).json()) as never
  }

  discard(): Promise<void> {
    return this.#server.discard()
  }
}

/** Measures what sends notice of each deed; `failed` where that is too much. */
export const measureBusy = async (
  options: BusyOptions,
  progress: (line: string) => void,
): Promise<{ readonly text: string; readonly failed: boolean }> => {
  if (options.loadCpu !== undefined && !pinSelf(options.loadCpu)) progress('taskset is not available')
  const server = new BusyServer(options)
  const rows: BusyRow[] = []
  try {
    progress('a room of many members')
    await server.start()
    for (const name of Object.keys(DEEDS) as DeedName[]) {
      if (!name.includes(options.cases)) continue
      const row = await server.under(name)
      rows.push(row)
      progress(`${name}: p99 ${formatMs(summarise(row.sends.latenciesMs)?.p99)}`)
    }
  } finally {
    await server.discard()
  }
  return { text: renderBusy(rows), failed: rows.length === 0 || rows.some(isTooSlow) }
}

/** A send or a deed that failed counts as too slow, as does a stretch in which nothing was sent. */
export const isTooSlow = ({ sends, done }: BusyRow): boolean =>
  !((summarise(sends.latenciesMs)?.p99 ?? Number.NaN) <= MAX_SEND_P99_MS) || sends.failed > 0 || done.failed > 0

const TITLES = ['meanwhile', 'sends', 'p50', 'p95', 'p99', 'max', 'longest step', 'most MB', 'done', 'failed']

export const renderBusy = (rows: readonly BusyRow[]): string => {
  const table = renderTable(
    TITLES.map((title) => ({ title, align: title === 'meanwhile' || title === 'done' ? 'left' : 'right' })),
    rows.map(({ name, sends, done, longestMs, peakRss }) => {
      const { p50, p95, p99, max } = summarise(sends.latenciesMs) ?? {}
      return [
        ...[name, String(sends.latenciesMs.length), ...[p50, p95, p99, max, longestMs].map(formatMs)],
        ...[(peakRss / 1024 / 1024).toFixed(0), done.what, String(sends.failed + done.failed)],
      ]
    }),
  )
  const slow = rows.filter(isTooSlow).map((row) => {
    const error = row.sends.firstError ?? row.done.firstError
    return `- ${row.name}: more than ${MAX_SEND_P99_MS} ms, or requests that failed${error === undefined ? '' : `: ${error}`}`
  })
  return `${[table, ...(slow.length === 0 ? [] : [slow.join('\n')])].join('\n\n')}\n`
}

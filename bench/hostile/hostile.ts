import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { GrownServer } from '../growth/grown-server.ts'
import { nowMs } from '../measure/now.ts'
import { renderTable } from '../report/table.ts'
import type { Attack } from './attack.ts'
import { Attacker } from './attacker.ts'
import { attacks } from './attacks/index.ts'
import { type Latencies, Ordinary } from './ordinary.ts'

/** Megabytes of the heap; the server's users can ask for no more. */
const HEAP_MB = 1_024
export const MAX_P99_MS = 100
/** The most that the process may hold, whatever is asked of it. */
export const MAX_RSS_BYTES = 700 * 1024 * 1024

export interface HostileOptions {
  readonly scale: 'small' | 'full'
  readonly seconds: number
  /** Only attacks whose name holds this text. */
  readonly cases: string
}

export interface HostileRow extends Latencies {
  readonly attack: string
  /** Requests of the attacker that were answered. */
  readonly answered: number
  /** Processor time of the longest step of the server's event loop, and the 99th percentile. */
  readonly longestMs: number
  readonly stepP99Ms: number
  readonly peakRss: number
}

const probe = pathToFileURL(fileURLToPath(new URL('../measure/probe.mjs', import.meta.url))).href

/** A server whose event loop and memory are watched, and two people who talk while somebody attacks it. */
export class BesiegedServer {
  readonly #server = new GrownServer()
  #url = ''
  #probeUrl = ''
  #ordinary: Ordinary | undefined
  #attackers = 0

  async start(): Promise<void> {
    const portFile = join(this.#server.folder, 'probe')
    await this.#server.start({
      BENCH_PROBE: portFile,
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MB} --import ${probe}`,
    })
    this.#url = this.#server.url
    this.#probeUrl = `http://127.0.0.1:${readFileSync(portFile, 'utf8')}`
    this.#ordinary = new Ordinary(this.#url, 'ordinary')
    await this.#ordinary.meet()
  }

  /** The two talk, and nothing else happens. */
  async peace(seconds: number): Promise<HostileRow> {
    return this.#row('(none)', new Promise((resolve) => setTimeout(resolve, seconds * 1_000)), () => 0)
  }

  async under(attack: Attack, seconds: number, scale: number): Promise<HostileRow> {
    const attacker = new Attacker(this.#url, `mallory-${++this.#attackers}`)
    await attacker.register()
    await attack.prepare?.(attacker, scale)
    let answered = 0
    const over = keepAtWork(attack, attacker, seconds, () => answered++)
    try {
      return await this.#row(attack.name, over, () => answered)
    } finally {
      attacker.close()
    }
  }

  async #row(attack: string, over: Promise<unknown>, answered: () => number): Promise<HostileRow> {
    await this.#took()
    const latencies = await this.#ordinary?.talk(over)
    await over
    if (latencies === undefined) throw new Error('the server was not started')
    const { longestMs, p99Ms, peakRss } = await this.#took()
    return { attack, answered: answered(), ...latencies, longestMs, stepP99Ms: p99Ms, peakRss }
  }

  async #took(): Promise<{ readonly longestMs: number; readonly p99Ms: number; readonly peakRss: number }> {
    return (await (await fetch(this.#probeUrl)).json()) as never
  }

  async discard(): Promise<void> {
    this.#ordinary?.close()
    await this.#server.discard()
  }
}

/** Attacks at the given pace; an attacker whom the server keeps waiting does not hurry afterwards. */
const keepAtWork = async (attack: Attack, attacker: Attacker, seconds: number, answered: () => void): Promise<void> => {
  const untilMs = nowMs() + seconds * 1_000
  const everyMs = (1_000 / attack.pace) * attack.atOnce
  let round = 0
  const work = async (): Promise<void> => {
    while (nowMs() < untilMs) {
      const startedMs = nowMs()
      await attack.act(attacker, round++).then(answered, () => {})
      const restMs = everyMs - (nowMs() - startedMs)
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs))
    }
  }
  await Promise.all(Array.from({ length: attack.atOnce }, work))
}

/** Measures every attack, and answers with the table and whether a figure is beyond what is promised. */
export const measureHostile = async (
  { scale, seconds, cases }: HostileOptions,
  progress: (line: string) => void,
): Promise<{ readonly text: string; readonly failed: boolean }> => {
  const rows: HostileRow[] = []
  for (const attack of attacks.filter(({ name }) => name.includes(cases))) {
    progress(attack.name)
    const server = new BesiegedServer()
    try {
      await server.start()
      if (rows.length === 0) rows.push(await server.peace(seconds))
      rows.push(await server.under(attack, seconds, scale === 'small' ? 0.2 : 1))
    } catch (error) {
      progress(`  ${error instanceof Error ? error.message : String(error)}`)
      rows.push({ ...NOTHING, attack: `${attack.name}: the server did not stand it` })
    } finally {
      await server.discard()
    }
  }
  return { text: renderHostile(rows), failed: rows.some(isTooMuch) }
}

const NOTHING: Omit<HostileRow, 'attack'> = {
  ...{ answered: 0, messages: 0, allMs: [], sendP99Ms: Number.NaN, wakeP99Ms: Number.NaN, syncP99Ms: Number.NaN },
  ...{ longestMs: Number.NaN, stepP99Ms: Number.NaN, peakRss: Number.NaN },
}

/** NaN, where nothing was measured, is too much as well. */
export const isTooMuch = ({ sendP99Ms, wakeP99Ms, syncP99Ms, peakRss }: HostileRow): boolean =>
  !(Math.max(sendP99Ms, wakeP99Ms, syncP99Ms) <= MAX_P99_MS && peakRss <= MAX_RSS_BYTES)

const TITLES = [
  ...['attack', 'answered', 'send p99 ms', 'wake p99 ms', 'sync p99 ms'],
  ...['longest step ms', 'step p99 ms', 'most MB'],
]

export const renderHostile = (rows: readonly HostileRow[]): string =>
  `${renderTable(
    TITLES.map((title, index) => ({ title, align: index === 0 ? 'left' : 'right' })),
    rows.map((row) => [
      row.attack,
      String(row.answered),
      ...[row.sendP99Ms, row.wakeP99Ms, row.syncP99Ms, row.longestMs, row.stepP99Ms].map((figure) => figure.toFixed(1)),
      (row.peakRss / 1024 / 1024).toFixed(0),
    ]),
  )}\n`

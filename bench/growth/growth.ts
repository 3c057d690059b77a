import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { nowMs } from '../measure/now.ts'
import { formatRatio } from '../report/format.ts'
import { renderTable } from '../report/table.ts'
import type { Caller } from './caller.ts'
import { GrownServer } from './grown-server.ts'
import { lazyFilter, type Operation, operations } from './operations.ts'
import { type Axis, axes, grown, plant, type Scene } from './scene.ts'

const probe = pathToFileURL(fileURLToPath(new URL('../measure/probe.mjs', import.meta.url))).href

export interface GrowthOptions {
  readonly scale: 'small' | 'full'
  /** Only axes whose name holds this text, or operations whose name begins with it: `rooms`, `first sync`; both, for some operations: `rooms/send|first sync`. */
  readonly cases: string
}

/** Between the first and the last column. */
const mayGrow = 1.5
/** The cost of one more member or room may grow more: beyond some size they are not in caches any more. */
const unitMayGrow = 2
/** Differences below this are the machine's. */
const noiseMs = 0.15
const stretches = 5
/** Of calls that cost the same at every size: lone commits go to another thread for a second or so after a stall of the disk. */
const STRETCHES_OF_FLAT = 10
/** A server that has just started runs code that nothing has made quick yet. */
const WARMING_SENDS = 400
/** Made in place of those that tell nothing. */
const SPARE_STRETCHES = 5
const usualCalls = 40
const callsOfSlow = 5

export interface GrowthRow {
  readonly axis: Axis['name']
  readonly operation: string
  readonly sizes: readonly number[]
  /** Milliseconds for one call. */
  readonly costs: readonly number[]
  readonly linear: boolean
}

/** The last cost against the first; for an operation whose cost may follow the size, what one more unit costs late against what it costs early. */
export const growthOf = ({ costs, sizes, linear }: GrowthRow): number => {
  const [first = Number.NaN] = costs
  const last = costs.at(-1) ?? Number.NaN
  if (!linear) return last / first
  const [, second = first] = costs
  const perUnit = (from: number, to: number, between: number): number => (to - from) / between
  const [small = 0, middle = 0] = sizes
  const early = perUnit(first, second, middle - small)
  const late = perUnit(second, last, (sizes.at(-1) ?? 0) - middle)
  return sizes.length < 3 ? Number.NaN : late / early
}

export const isTooMuch = (row: GrowthRow): boolean =>
  growthOf(row) > (row.linear ? unitMayGrow : mayGrow) && (row.costs.at(-1) ?? 0) - (row.costs[0] ?? 0) > noiseMs

/** Measures each operation at each size, and answers with the table and whether something grows that should not. */
export const measureGrowth = async (
  { scale, cases }: GrowthOptions,
  progress: (line: string) => void,
): Promise<{ readonly text: string; readonly failed: boolean }> => {
  const rows: GrowthRow[] = []
  const bounds: Bound[] = []
  const seed = await plant(new GrownServer())
  try {
    for (const axis of axes) {
      const wanted = operations.filter(({ name }) => isWanted(cases, axis.name, name))
      if (wanted.length === 0) continue
      const sizes = scale === 'small' ? axis.smallSizes : axis.sizes
      const columns: (readonly number[])[] = []
      for (const size of sizes) {
        progress(`${axis.name}: ${size}`)
        const scene = await grown(seed, axis.name, size)
        try {
          if (axis.name === 'rooms' && size === LARGE_SYNC_ROOMS) bounds.push(...(await largeSync(scene)))
          columns.push(await costsAt(scene, axis.name, wanted, progress))
        } finally {
          await scene.server.discard()
        }
      }
      for (const [index, { name, linear }] of wanted.entries()) {
        const costs = columns.map((column) => column[index] ?? Number.NaN)
        rows.push({ axis: axis.name, operation: name, sizes, costs, linear: linear.includes(axis.name) })
      }
    }
  } finally {
    await seed.server.discard()
  }
  const lines = bounds.map(({ name, value, most, unit }) => `${name}: ${Math.round(value)} ${unit}, at most ${most}`)
  return {
    text: `${renderGrowth(rows)}\n${lines.join('\n')}\n`,
    failed: rows.some(isTooMuch) || bounds.some(({ value, most }) => value > most),
  }
}

const isWanted = (cases: string, axis: string, operation: string): boolean => {
  const [first = '', second] = cases.split('/')
  return second === undefined
    ? axis.includes(first) || operation.startsWith(first)
    : axis.includes(first) && second.split('|').some((begin) => operation.startsWith(begin))
}

const costsAt = async (
  scene: Scene,
  axis: Axis['name'],
  wanted: readonly Operation[],
  progress: (line: string) => void,
): Promise<readonly number[]> => {
  const costs: number[] = []
  for (let sent = 0; sent < WARMING_SENDS; sent++) await scene.alice.send(scene.room, 'to warm up')
  await scene.server.calm()
  for (const operation of wanted) {
    const cost = await costOf(operation, axis, scene)
    progress(`  ${operation.name}: ${cost.toFixed(2)} ms`)
    costs.push(cost)
  }
  return costs
}

/** A figure that must not be exceeded, whatever it grows from. */
interface Bound {
  readonly name: string
  readonly value: number
  readonly most: number
  readonly unit: 'ms' | 'MB'
}

const LARGE_SYNC_ROOMS = 5_000
const MEGABYTE = 1e6

/** The first sync of a user with very many rooms, on a server that has just started. */
const largeSync = async ({ server, bob }: Scene): Promise<readonly Bound[]> => {
  await server.restart()
  await bob.get('/account/whoami')
  const idle = server.memory().rssBytes
  const costs: number[] = []
  let peak = 0
  for (let round = 0; round < 3; round++) {
    const before = server.cpuMs()
    await bob.sync(lazyFilter)
    costs.push(server.cpuMs() - before)
    if (round === 0) peak = server.memory().peakBytes
  }
  const held = await heldWhileRead(server, bob)
  const name = `first sync of ${LARGE_SYNC_ROOMS.toLocaleString('en-US')} rooms`
  return [
    { name: `${name}, processor time`, value: Math.min(...costs), most: 2_000, unit: 'ms' },
    { name: `${name}, memory above idle`, value: (peak - idle) / MEGABYTE, most: 150, unit: 'MB' },
    {
      name: `${name}, bytes in use above idle, of an answer of ${(held.answer / MEGABYTE).toFixed(0)} MB`,
      value: held.most / MEGABYTE,
      most: (2 * held.answer) / MEGABYTE,
      unit: 'MB',
    },
  ]
}

/** Bytes of an answer after which is looked at the memory. */
const LOOK_AFTER = 2 * MEGABYTE

/** The bytes that the serving thread has in use while a client reads a first sync, without what is only not collected yet. */
const heldWhileRead = async (
  server: GrownServer,
  bob: Caller,
): Promise<{ readonly answer: number; readonly most: number }> => {
  await server.stop()
  const portFile = join(server.folder, 'probe')
  await server.start({ BENCH_PROBE: portFile, NODE_OPTIONS: `--import ${probe}` })
  const heldBytes = async (): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${readFileSync(portFile, 'utf8')}/held`)
    return ((await answer.json()) as { heldBytes: number }).heldBytes
  }
  await bob.get('/account/whoami')
  const idle = await heldBytes()
  let most = 0
  let looked = 0
  const answer = await bob.read(`/sync?${lazyFilter}`, async (bytes) => {
    if (bytes - looked < LOOK_AFTER) return
    looked = bytes
    most = Math.max(most, (await heldBytes()) - idle)
  })
  return { answer, most }
}

/** The cheapest of several stretches: whatever else the machine does only adds. */
const costOf = async (operation: Operation, axis: Axis['name'], scene: Scene): Promise<number> => {
  const { prepare, measure = 'cpu', linear } = operation
  // A call that may cost much at this axis is made seldom.
  const mostCalls = operation.isSlow === true ? callsOfSlow : usualCalls
  const calls = linear.includes(axis) || measure === 'wall' ? (operation.calls ?? mostCalls) : mostCalls
  const wanted = linear.includes(axis) || measure === 'wall' ? stretches : STRETCHES_OF_FLAT
  const call = await prepare(scene, calls * (wanted + SPARE_STRETCHES + 1))
  const ofKind = measure === 'wall' ? quickestAnswer : cpuOfCall
  const stretch = operation.keepsWhatItRead === true && linear.includes(axis) ? startedAnew(ofKind) : ofKind
  // The first one warms up.
  await stretch(scene, call, calls)
  const costs: number[] = []
  for (let left = wanted + SPARE_STRETCHES; left > 0 && costs.length < wanted; left--) {
    const cost = await stretch(scene, call, calls)
    if (cost !== undefined) costs.push(cost)
  }
  return Math.min(...costs)
}

type Stretch = (scene: Scene, call: () => Promise<unknown>, calls: number) => Promise<number | undefined>

/** On a server that knows nothing yet but its code, which somebody else's sync of the same rooms has made quick: rooms are kept from their second reader on. */
const startedAnew =
  (stretch: Stretch): Stretch =>
  async (scene, call, calls) => {
    await scene.server.restart()
    await scene.alice.sync(lazyFilter)
    await scene.server.calm()
    return stretch(scene, call, calls)
  }

/** Processor time; undefined where a thread ended meanwhile, as what it spent last is not known. */
const cpuOfCall: Stretch = async ({ server }, call, calls) => {
  const before = server.spent()
  for (let made = 0; made < calls; made++) await call()
  const after = server.spent()
  return after.ended === before.ended ? (after.cpuMs - before.cpuMs) / calls : undefined
}

/** What a call leaves to be done is not the next one's. */
const quickestAnswer: Stretch = async ({ server }, call, calls) => {
  let least = Number.POSITIVE_INFINITY
  for (let made = 0; made < calls; made++) {
    const askedMs = nowMs()
    await call()
    least = Math.min(least, nowMs() - askedMs)
    await server.rest()
  }
  return least
}

export const renderGrowth = (rows: readonly GrowthRow[]): string => {
  const tables = axes.flatMap(({ name }) => {
    const own = rows.filter(({ axis }) => axis === name)
    const [some] = own
    if (some === undefined) return []
    const columns = [
      { title: `${name}: ms a call`, align: 'left' as const },
      ...some.sizes.map((size) => ({ title: size.toLocaleString('en-US'), align: 'right' as const })),
      { title: 'growth', align: 'right' as const },
      { title: '', align: 'left' as const },
    ]
    const cells = own.map((row) => [
      row.operation,
      ...row.costs.map((cost) => cost.toFixed(2)),
      formatRatio(growthOf(row)),
      isTooMuch(row) ? 'TOO MUCH' : row.linear ? 'for each' : 'flat',
    ])
    return [renderTable(columns, cells)]
  })
  return `${tables.join('\n\n')}\n`
}

import { GrownServer } from '../growth/grown-server.ts'
import { grown, plant, type Scene } from '../growth/scene.ts'
import { renderTable } from '../report/table.ts'
import { age } from './age.ts'
import { firstAnswers, grownList } from './first-answers.ts'
import { besideSync } from './listeners.ts'

export interface SlidingOptions {
  readonly scale: 'small' | 'full'
  /** Only sections whose name holds this text: `first`, `list`, `age`, `listeners`. */
  readonly cases: string
}

/** One line of the report. */
export interface Figure {
  readonly name: string
  readonly value: string
  /** The value that it must have, where something is asked. */
  readonly bound?: string
  readonly failed?: boolean
}

/** Measures sliding sync on servers of its own: first answers, a list that grows, an old connection, and listeners beside those of `/sync`. */
export const measureSliding = async (
  { scale, cases }: SlidingOptions,
  progress: (line: string) => void,
): Promise<{ readonly text: string; readonly failed: boolean }> => {
  const small = scale === 'small'
  const wants = (name: string): boolean => name.includes(cases)
  const [few, many] = small ? [100, 1_000] : [1_000, 10_000]
  const figures: Figure[] = []
  const note = (found: readonly Figure[]): void => {
    for (const { name, value } of found) progress(`  ${name}: ${value}`)
    figures.push(...found)
  }
  const seed = await plant(new GrownServer())
  const inRooms = async (rooms: number, measure: (scene: Scene) => Promise<readonly Figure[]>): Promise<void> => {
    progress(`${rooms} rooms`)
    const scene = await grown(seed, 'rooms', rooms)
    try {
      note(await measure(scene))
    } finally {
      await scene.server.discard()
    }
  }
  try {
    if (wants('first')) {
      const costs = new Map<number, number>()
      for (const rooms of [few, many]) await inRooms(rooms, (scene) => firstAnswers(scene, rooms, costs))
      const ratio = (costs.get(many) ?? Number.NaN) / (costs.get(few) ?? Number.NaN)
      const name = `first answer in ${many} rooms, against ${few}`
      note([{ name, value: `${ratio.toFixed(2)}x`, bound: 'at most 1.30x', failed: ratio > 1.3 }])
    }
    if (wants('list')) await inRooms(few, (scene) => grownList(scene, few))
    if (wants('age')) await inRooms(few, (scene) => age(scene, small ? 1_000 : 10_000))
    if (wants('listeners')) await inRooms(2, (scene) => besideSync(scene, small ? 100 : 1_000))
  } finally {
    await seed.server.discard()
  }
  const columns = ['sliding sync', 'figure', 'asked', ''].map((title) => ({ title, align: 'left' as const }))
  const rows = figures.map(({ name, value, bound = '', failed }) => [name, value, bound, failed ? 'TOO MUCH' : ''])
  return { text: `${renderTable(columns, rows)}\n`, failed: figures.some(({ failed }) => failed === true) }
}

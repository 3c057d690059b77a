import type { Scene } from '../growth/scene.ts'
import { nowMs } from '../measure/now.ts'
import { median } from '../measure/stats.ts'
import { Connection, roomsIn } from './connection.ts'
import type { Figure } from './sliding.ts'

const ROUNDS = 60
const MOST_MS = 20

/** The first answer of a new connection with a range of 20 rooms, again and again. Notes the processor time under the number of rooms. */
export const firstAnswers = async (
  { server, bob }: Scene,
  rooms: number,
  costs: Map<number, number>,
): Promise<readonly Figure[]> => {
  const [walls, cpus]: [number[], number[]] = [[], []]
  const askedMs = nowMs()
  await new Connection(bob, 'cold').next(19)
  const coldMs = nowMs() - askedMs
  for (let round = 0; round < ROUNDS; round++) {
    const [beforeMs, beforeCpu] = [nowMs(), server.cpuMs()]
    const answer = await new Connection(bob, `c${round % 3}`).next(19)
    walls.push(nowMs() - beforeMs)
    cpus.push(server.cpuMs() - beforeCpu)
    if (roomsIn(answer) !== 20) throw new Error(`the first answer has ${roomsIn(answer)} rooms`)
  }
  const p50 = median(walls)
  costs.set(rooms, p50)
  return [
    {
      name: `first answer in ${rooms} rooms, p50`,
      value: ms(p50),
      bound: `under ${MOST_MS} ms`,
      failed: p50 >= MOST_MS,
    },
    { name: `first answer in ${rooms} rooms, processor time, p50`, value: ms(median(cpus)) },
    { name: `first answer in ${rooms} rooms, right after a start`, value: ms(coldMs) },
  ]
}

const STEP = 100

/** The list grows by 100 until it has all rooms, as that of Element X does. */
export const grownList = async ({ server, bob }: Scene, rooms: number): Promise<readonly Figure[]> => {
  const walls: number[] = []
  const cpus: number[] = []
  for (let round = 0; round < 5; round++) {
    const [beforeMs, beforeCpu] = [nowMs(), server.cpuMs()]
    const connection = new Connection(bob, `list${round}`)
    let told = roomsIn(await connection.next(19))
    for (let end = 119; told < rooms; end += STEP) {
      const more = roomsIn(await connection.next(Math.min(end, rooms - 1)))
      if (more === 0) throw new Error(`the list stays at ${told} rooms`)
      told += more
    }
    walls.push(nowMs() - beforeMs)
    cpus.push(server.cpuMs() - beforeCpu)
  }
  return [
    { name: `list grown to ${rooms} rooms by ${STEP}`, value: ms(median(walls)) },
    { name: `list grown to ${rooms} rooms, processor time a room`, value: ms(median(cpus) / rooms) },
  ]
}

export const ms = (value: number): string => `${value.toFixed(2)} ms`

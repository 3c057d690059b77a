import type { Attacker } from './attacker.ts'

/** One way to keep a server busy, at the pace that its limits allow to one account or one address. */
export interface Attack {
  readonly name: string
  /** Requests a second. */
  readonly pace: number
  /** Requests under way at once. */
  readonly atOnce: number
  /** Sets the scene, not measured. `scale` is 1 for the published figures, and less where time is short. */
  prepare?(attacker: Attacker, scale: number): Promise<void>
  /** One request, or a few; answers of any status are as good. */
  act(attacker: Attacker, round: number): Promise<unknown>
}

/** Scenes are made by so many requests at once. */
const SETTING_AT_ONCE = 8

/** Does something `count` times, a few at once. */
export const times = async (count: number, task: (index: number) => Promise<unknown>): Promise<void> => {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count) await task(next++)
  }
  await Promise.all(Array.from({ length: SETTING_AT_ONCE }, work))
}

export const texts = (count: number, text: (index: number) => string): readonly string[] =>
  Array.from({ length: count }, (_, index) => text(index))

/** A stretch of event numbers, and the words for it: all texts of the stretch have one of them. */
export interface Window {
  readonly words: readonly string[]
  /** Inclusive. */
  readonly first: number
  /** Exclusive. */
  readonly behind: number
}

/** Words for stretches of 2^12, 2^16 and 2^20 numbers, as migration 0350 makes them; the largest first. */
const LEVELS = [
  { size: 2 ** 20, sign: '§c' },
  { size: 2 ** 16, sign: '§b' },
  { size: 2 ** 12, sign: '§a' },
] as const
const SMALLEST = LEVELS[2]
const MOST_WORDS = 32

/**
 * Stretches that cover the numbers after `after` and before `before`, the newest first, each about as long as all before it together: whoever
 * finds enough in the first ones has read no more than twice what there was to find, and whoever finds nothing has asked a few times only.
 */
export const windowsBack = (after: number, before: number): readonly Window[] => {
  const windows: Window[] = []
  const end = Math.max(0, after + 1)
  let wanted = SMALLEST.size
  for (let behind = before; behind > end; wanted *= 2) {
    const words: string[] = []
    let first = behind
    while (first > end && words.length < MOST_WORDS && behind - first < wanted) {
      const start = first
      const { size, sign } = LEVELS.find((level) => start % level.size === 0 && level.size <= wanted) ?? SMALLEST
      const block = Math.floor((first - 1) / size)
      words.push(`${sign}${block}`)
      first = block * size
    }
    windows.push({ words, first: Math.max(end, first), behind })
    behind = first
  }
  return windows
}

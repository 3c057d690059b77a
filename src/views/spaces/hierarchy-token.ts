/** The rooms that one walk through a space visits, over all of its pages: tokens hold them. */
export const MAX_VISITED = 1_000
/** Spaces in spaces that a walk goes down, whatever a request asks for. */
export const MAX_DEPTH = 20

/**
 * How far a walk has come. It goes on in the last space of `path` with the children that were not visited, then in the one before. So changes
 * of the spaces between two pages repeat no room.
 */
export interface HierarchyPlace {
  readonly suggestedOnly: boolean
  readonly maxDepth: number
  /** From the root down: the numbers of rooms here, and the keys of rooms elsewhere. */
  readonly path: readonly number[]
  readonly visited: ReadonlySet<number>
}

export const formatHierarchyPlace = ({ suggestedOnly, maxDepth, path, visited }: HierarchyPlace): string => {
  const sorted = [...visited].sort((one, other) => one - other)
  const steps = sorted.map((room, index) => room - (sorted[index - 1] ?? 0))
  return ['s1', suggestedOnly ? '1' : '0', maxDepth, written(path), written(steps)].join('_')
}

const TOKEN = /^s1_([01])_(\d{1,2})_([0-9a-z.]{1,400})_([0-9a-z.]{1,12000})$/

/** undefined for what is no token. Tokens hold nothing that their bearer may not say: who may see which room is asked anew. */
export const parseHierarchyPlace = (token: string): HierarchyPlace | undefined => {
  const [, suggested, maxDepth, path, steps] = TOKEN.exec(token) ?? []
  if (path === undefined || steps === undefined) return undefined
  const [rooms, differences] = [read(path), read(steps)]
  if (rooms.length > MAX_DEPTH || differences.length > MAX_VISITED) return undefined
  if (![...rooms, ...differences].every((number) => Number.isSafeInteger(number))) return undefined
  let room = 0
  const visited = new Set(
    differences.map((step) => {
      room += step
      return room
    }),
  )
  return { suggestedOnly: suggested === '1', maxDepth: Number(maxDepth), path: rooms, visited }
}

const written = (numbers: readonly number[]): string => numbers.map((number) => number.toString(36)).join('.')

const read = (text: string): readonly number[] => text.split('.').map((part) => Number.parseInt(part, 36))

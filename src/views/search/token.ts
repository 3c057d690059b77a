import { MatrixError } from '#spec'

/** A group to which a search is narrowed. */
export interface NarrowGroup {
  readonly key: 'room_id' | 'sender'
  /** The number of the room or user. */
  readonly number: number
}

/**
 * The place from which a search goes on. Results come in blocks of event numbers, the newest block first; within a block they have the order that was
 * asked for.
 */
export interface SearchPlace {
  /** Both exclusive; `after` is 0 for the last block. undefined: the block is still to be cut. */
  readonly after: number | undefined
  readonly before: number
  /** The last result shown of the block; undefined: none. */
  readonly last: { readonly rank: number; readonly event: number } | undefined
  /** The count that the first page told. */
  readonly count: number
  readonly group: NarrowGroup | undefined
}

const NONE = '-'
const GROUP_SIGNS = { room_id: 'r', sender: 's' } as const
const TOKEN = /^f1_(\d{1,15})_(\d{1,15}|-)_(?:-|(\d{1,15})\.(\d{1,15}))_(\d{1,15})_(?:-|([rs])(\d{1,15}))$/

export const formatSearchToken = ({ after, before, last, count, group }: SearchPlace): string =>
  [
    'f1',
    before,
    after ?? NONE,
    last === undefined ? NONE : `${last.rank}.${last.event}`,
    count,
    group === undefined ? NONE : `${GROUP_SIGNS[group.key]}${group.number}`,
  ].join('_')

/** Throws `M_INVALID_PARAM`. */
export const parseSearchToken = (text: string): SearchPlace => {
  const [all, before, after, rank, event, count, sign, number] = TOKEN.exec(text) ?? []
  if (all === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a token of a search')
  return {
    before: Number(before),
    after: after === NONE ? undefined : Number(after),
    last: rank === undefined ? undefined : { rank: Number(rank), event: Number(event) },
    count: Number(count),
    group: sign === undefined ? undefined : { key: sign === 'r' ? 'room_id' : 'sender', number: Number(number) },
  }
}

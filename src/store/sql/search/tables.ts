import { queriesOver } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'

/** Migration 0350 names owners and life times. */
export interface SearchTables extends RoomTables {
  readonly search_progress: {
    readonly place: number
    /** Events of the stream up to this position are indexed. */
    readonly up_to: number
    /** Events that were there before the index: from this number on they are indexed too. */
    readonly earlier_from: number
  }
  /** SQLite only: the index over `search_texts`, which triggers keep. */
  readonly search_index: { readonly rowid: number; readonly search_index: string }
}

export const query = queriesOver<SearchTables>()

/** No word has this sign, so these words are never those of a text. */
const SIGN = '§'
export const roomWord = (room: number): string => `${SIGN}r${room}`
export const senderWord = (sender: number): string => `${SIGN}s${sender}`
export const typeWord = (code: string): string => `${SIGN}k${code}`

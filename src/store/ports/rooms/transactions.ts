import type { Change } from '../engine/change.ts'

export interface TransactionsWriter {
  /**
   * Takes the transactions off the next events that were not looked at yet, at most `limit` of them, and ends before the first that has one and
   * was sent after `beforeMs`. Returns how many events it looked at; fewer than `limit`: there are no more for now.
   */
  forgetNext(beforeMs: number, limit: number): Change<number>
}

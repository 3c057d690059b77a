import { KeyedLock } from '#base'
import { SharedTurns, type Turns, writers } from '#store'
import type { Ground } from './ground.ts'

/** Longer than any wait in a turn, such as for mail servers and object stores. */
const TURN_MS = 120_000

const TURN_KINDS = ['email-turn', 'media-turn', 'profile-turn'] as const

/** Turns that all processes share on PostgreSQL, where there may be several; on SQLite turns of this process. */
export const turnsOf = (
  { config, shortLived, clock, processId }: Pick<Ground, 'config' | 'shortLived' | 'clock' | 'processId'>,
  kind: (typeof TURN_KINDS)[number],
): Turns =>
  config.storage.database.kind === 'sqlite'
    ? new KeyedLock<string>()
    : new SharedTurns({ table: shortLived.table(kind, { lifetimeMs: TURN_MS }), clock, owner: processId })

/** Ends the turns that this process had when it was killed: its next requests would wait for them. Before it serves. */
export const endOwnTurns = async ({ config, store, processId }: Ground): Promise<void> => {
  if (config.storage.database.kind === 'sqlite') return
  await store.commit(TURN_KINDS.map((kind) => writers.shortLived.removeOwned(kind, processId)))
}

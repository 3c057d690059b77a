import { KeyedLock } from '#base'
import { SharedTurns, type ShortLivedKind, type Turns } from '#store'
import type { Ground } from './ground.ts'

/** Longer than any wait in a turn, such as for mail servers and object stores. */
const TURN_MS = 120_000

/** Turns that all processes share on PostgreSQL, where there may be several; on SQLite turns of this process. */
export const turnsOf = (
  { config, shortLived, clock, processId }: Pick<Ground, 'config' | 'shortLived' | 'clock' | 'processId'>,
  kind: ShortLivedKind,
): Turns =>
  config.storage.database.kind === 'sqlite'
    ? new KeyedLock<string>()
    : new SharedTurns({ table: shortLived.table(kind, { lifetimeMs: TURN_MS }), clock, owner: processId })

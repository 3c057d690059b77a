import { KeyedLock } from '#base'
import { SharedTurns, type ShortLivedKind, type Turns } from '#store'
import type { Ground } from './ground.ts'

/** Longer than anything is waited for in a turn: mail servers, stores of objects. */
const TURN_MS = 120_000

/** Turns that all processes share where there may be several, which is on PostgreSQL. */
export const turnsOf = (
  { config, shortLived, clock }: Pick<Ground, 'config' | 'shortLived' | 'clock'>,
  kind: ShortLivedKind,
): Turns =>
  config.storage.database.kind === 'sqlite'
    ? new KeyedLock<string>()
    : new SharedTurns({ table: shortLived.table(kind, { lifetimeMs: TURN_MS }), clock })

import type { BackedUpSession, BackupState } from '../../ports/encryption/key-backups.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { type InsertRow, insertInto, type Tx } from '../engine/index.ts'
import { query } from './key-backups-tables.ts'

/** A backup as it is stored, before sessions change. */
export interface StoredBackup extends BackupState {
  readonly backup: number
  readonly size_bytes: number
}

const COLUMNS = {
  backup: 'integer',
  session_id: 'text',
  room_id: 'text',
  first_message_index: 'integer',
  forwarded_count: 'integer',
  is_verified: 'integer',
  session_json: 'text',
  size_bytes: 'integer',
} as const
const insertSession = insertInto('key_backup_sessions', COLUMNS)
type Row = InsertRow<typeof insertSession>

const stored = query((db, param: { backup: number; sessionIds: readonly string[] }, { texts }) =>
  db
    .selectFrom('key_backup_sessions')
    .select(['room_id', 'session_id', 'first_message_index', 'forwarded_count', 'is_verified', 'size_bytes'])
    .where('backup', '=', param.backup)
    .where('session_id', 'in', texts(param.sessionIds)),
)
const update = query((db, param: Row) =>
  db
    .updateTable('key_backup_sessions')
    .set({
      first_message_index: param.first_message_index,
      forwarded_count: param.forwarded_count,
      is_verified: param.is_verified,
      session_json: param.session_json,
      size_bytes: param.size_bytes,
    })
    .where('backup', '=', param.backup)
    .where('session_id', '=', param.session_id)
    .where('room_id', '=', param.room_id),
)
const storeState = query((db, param: { backup: number; etag: number; sessions: number; bytes: number }) =>
  db
    .updateTable('key_backups')
    .set({ etag: param.etag, sessions: param.sessions, size_bytes: param.bytes })
    .where('backup', '=', param.backup),
)

type Rank = Pick<Row, 'first_message_index' | 'forwarded_count' | 'is_verified'>

/**
 * Whether a key replaces the one that is stored: verified before unverified, then the one that decrypts earlier messages, then the one that was passed on less often.
 * Client-server API, "Server-side key backups".
 */
const isBetter = (one: Rank, than: Rank): boolean => {
  if (one.is_verified !== than.is_verified) return one.is_verified > than.is_verified
  if (one.first_message_index !== than.first_message_index) return one.first_message_index < than.first_message_index
  return one.forwarded_count < than.forwarded_count
}

const rowOf = (backup: number, session: BackedUpSession): Row => ({
  backup,
  session_id: session.sessionId,
  room_id: session.roomId,
  first_message_index: session.firstMessageIndex,
  forwarded_count: session.forwardedCount,
  is_verified: session.isVerified ? 1 : 0,
  session_json: session.sessionJson,
  size_bytes: Buffer.byteLength(session.sessionJson),
})

const keyOf = (row: Pick<Row, 'room_id' | 'session_id'>): string => `${row.room_id}\0${row.session_id}`

/** Counts a change of a backup's sessions: its etag moves with what is stored, and only then. */
export const bump = async (
  tx: Tx,
  { backup, etag, sessions, size_bytes }: StoredBackup,
  change: { readonly isChanged: boolean; readonly sessions: number; readonly bytes: number },
): Promise<BackupState> => {
  if (!change.isChanged) return { etag, sessions }
  const state = { etag: etag + 1, sessions: sessions + change.sessions }
  await tx.run(storeState, { backup, ...state, bytes: size_bytes + change.bytes })
  return state
}

/** See `KeyBackupsWriter.put`. */
export const putSessions = async (
  tx: Tx,
  into: StoredBackup,
  sessions: readonly BackedUpSession[],
  limitBytes: number,
): Promise<BackupState> => {
  const { backup } = into
  const sessionIds = [...new Set(sessions.map(({ sessionId }) => sessionId))]
  const rows = await tx.all(stored, { backup, sessionIds })
  const known = new Map(rows.map((row) => [keyOf(row), row]))
  const added: Row[] = []
  const replaced: Row[] = []
  let bytes = 0
  for (const session of sessions) {
    const row = rowOf(backup, session)
    const before = known.get(keyOf(row))
    if (before !== undefined && !isBetter(row, before)) continue
    bytes += row.size_bytes - (before?.size_bytes ?? 0)
    if (before === undefined) added.push(row)
    else replaced.push(row)
  }
  if (bytes > 0 && into.size_bytes + bytes > limitBytes) throw new WriteConflict('backup-full')
  await tx.insertMany(insertSession, added)
  for (const row of replaced) await tx.run(update, row)
  return bump(tx, into, { isChanged: added.length + replaced.length > 0, sessions: added.length, bytes })
}

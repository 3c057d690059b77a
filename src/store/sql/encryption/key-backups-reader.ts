import type { RoomId } from '#spec'
import type { BackedUpSession, BackupRecord, KeyBackupsReader } from '../../ports/encryption/key-backups.ts'
import type { Db } from '../engine/index.ts'
import { query } from './key-backups-tables.ts'

const BACKUP_COLUMNS = ['backup', 'version', 'algorithm', 'auth_data_json', 'etag', 'sessions'] as const
const newestBackup = query((db, param: { user: number }) =>
  db
    .selectFrom('key_backups')
    .select(BACKUP_COLUMNS)
    .where('user_number', '=', param.user)
    .orderBy('version', 'desc')
    .limit(1),
)
const backupOf = query((db, param: { user: number; version: number }) =>
  db
    .selectFrom('key_backups')
    .select(BACKUP_COLUMNS)
    .where('user_number', '=', param.user)
    .where('version', '=', param.version),
)

const SESSION_COLUMNS = [
  'room_id',
  'session_id',
  'first_message_index',
  'forwarded_count',
  'is_verified',
  'session_json',
] as const
const sessionOf = query((db, param: { backup: number; roomId: string; sessionId: string }) =>
  db
    .selectFrom('key_backup_sessions')
    .select(SESSION_COLUMNS)
    .where('backup', '=', param.backup)
    .where('room_id', '=', param.roomId)
    .where('session_id', '=', param.sessionId),
)
interface Page {
  readonly backup: number
  readonly roomId: string
  readonly sessionId: string
  readonly limit: number
}
const sessionsOfRoom = query((db, param: Page) =>
  db
    .selectFrom('key_backup_sessions')
    .select(SESSION_COLUMNS)
    .where('backup', '=', param.backup)
    .where('room_id', '=', param.roomId)
    .where('session_id', '>', param.sessionId)
    .orderBy('session_id')
    .limit(param.limit),
)
const sessionsOfLaterRooms = query((db, param: Page) =>
  db
    .selectFrom('key_backup_sessions')
    .select(SESSION_COLUMNS)
    .where('backup', '=', param.backup)
    .where('room_id', '>', param.roomId)
    .orderBy('room_id')
    .orderBy('session_id')
    .limit(param.limit),
)

interface BackupRow {
  readonly backup: number
  readonly version: number
  readonly algorithm: string
  readonly auth_data_json: string
  readonly etag: number
  readonly sessions: number
}

const toBackup = (row: BackupRow | undefined): BackupRecord | undefined => {
  if (row === undefined) return undefined
  const { auth_data_json: authDataJson, ...rest } = row
  return { ...rest, authDataJson }
}

interface SessionRow {
  readonly room_id: string
  readonly session_id: string
  readonly first_message_index: number
  readonly forwarded_count: number
  readonly is_verified: number
  readonly session_json: string
}

const toSession = (row: SessionRow): BackedUpSession => ({
  roomId: row.room_id as RoomId,
  sessionId: row.session_id,
  firstMessageIndex: row.first_message_index,
  forwardedCount: row.forwarded_count,
  isVerified: row.is_verified === 1,
  sessionJson: row.session_json,
})

export const keyBackupsReader = (db: Db): KeyBackupsReader => ({
  backup: async (user, version) =>
    toBackup(
      version === undefined ? await db.first(newestBackup, { user }) : await db.first(backupOf, { user, version }),
    ),
  session: async (backup, roomId, sessionId) => {
    const row = await db.first(sessionOf, { backup, roomId, sessionId })
    return row === undefined ? undefined : toSession(row)
  },
  sessions: async (backup, { roomId, after, limit }) => {
    const ofRoom = roomId ?? after.roomId
    const rows = await db.all(sessionsOfRoom, { backup, roomId: ofRoom, sessionId: after.sessionId, limit })
    if (roomId !== undefined || rows.length === limit) return rows.map(toSession)
    const rest = { backup, roomId: ofRoom, sessionId: '', limit: limit - rows.length }
    return [...rows, ...(await db.all(sessionsOfLaterRooms, rest))].map(toSession)
  },
})

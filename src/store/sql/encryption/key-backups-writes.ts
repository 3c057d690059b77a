import type { UserId } from '#spec'
import type {
  BackedUpSession,
  BackupState,
  KeyBackupsWriter,
  NewBackup,
  SessionsOf,
} from '../../ports/encryption/key-backups.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, insertInto, type Tx } from '../engine/index.ts'
import { bump, putSessions } from './key-backup-sessions.ts'
import { query } from './key-backups-tables.ts'

interface OfVersion {
  readonly user: UserNumber
  readonly version: number
}

const newestOf = query((db, param: { user: number }) =>
  db.selectFrom('key_backup_versions').select('newest').where('user_number', '=', param.user),
)
const storeNewest = query((db, param: { user: number; version: number }) =>
  db
    .insertInto('key_backup_versions')
    .values({ user_number: param.user, newest: param.version })
    .onConflict((on) => on.column('user_number').doUpdateSet({ newest: param.version })),
)
const forgetNewest = query((db, param: { user: number }) =>
  db.deleteFrom('key_backup_versions').where('user_number', '=', param.user),
)
const backupsOf = query((db, param: { user: number }) =>
  db
    .selectFrom('key_backups')
    .select(['backup', 'version', 'etag', 'sessions', 'size_bytes'])
    .where('user_number', '=', param.user)
    .orderBy('version', 'desc'),
)
const insertBackup = insertInto('key_backups', {
  user_number: 'integer',
  version: 'integer',
  algorithm: 'text',
  auth_data_json: 'text',
  device_id: 'text',
  etag: 'integer',
  sessions: 'integer',
  size_bytes: 'integer',
})
const algorithmOf = query((db, param: OfVersion) =>
  db
    .selectFrom('key_backups')
    .select(['backup', 'algorithm'])
    .where('user_number', '=', param.user)
    .where('version', '=', param.version),
)
const storeAuthData = query((db, param: { backup: number; authDataJson: string }) =>
  db.updateTable('key_backups').set({ auth_data_json: param.authDataJson }).where('backup', '=', param.backup),
)
const deleteBackup = query((db, param: OfVersion) =>
  db
    .deleteFrom('key_backups')
    .where('user_number', '=', param.user)
    .where('version', '=', param.version)
    .returning('backup'),
)
const deleteAll = query((db, param: { user: number }) =>
  db.deleteFrom('key_backups').where('user_number', '=', param.user).returning('backup'),
)
const insertGone = insertInto('gone_key_backups', { backup: 'integer' })
const firstGone = query((db) => db.selectFrom('gone_key_backups').select('backup').orderBy('backup').limit(1))
const forgetGone = query((db, param: { backup: number }) =>
  db.deleteFrom('gone_key_backups').where('backup', '=', param.backup),
)

interface Piece {
  readonly backup: number
  readonly limit: number
}
const deleteAny = query((db, param: Piece) =>
  db
    .deleteFrom('key_backup_sessions')
    .where('backup', '=', param.backup)
    .where('session_id', 'in', (of) =>
      of
        .selectFrom('key_backup_sessions as s')
        .select('s.session_id')
        .where('s.backup', '=', param.backup)
        .orderBy('s.session_id')
        .limit(param.limit),
    )
    .returning('size_bytes'),
)
const deleteOfRoom = query((db, param: Piece & { roomId: string }) =>
  db
    .deleteFrom('key_backup_sessions')
    .where('backup', '=', param.backup)
    .where('room_id', '=', param.roomId)
    .where('session_id', 'in', (of) =>
      of
        .selectFrom('key_backup_sessions as s')
        .select('s.session_id')
        .where('s.backup', '=', param.backup)
        .where('s.room_id', '=', param.roomId)
        .orderBy('s.session_id')
        .limit(param.limit),
    )
    .returning('size_bytes'),
)
const deleteOne = query((db, param: { backup: number; roomId: string; sessionId: string }) =>
  db
    .deleteFrom('key_backup_sessions')
    .where('backup', '=', param.backup)
    .where('room_id', '=', param.roomId)
    .where('session_id', '=', param.sessionId)
    .returning('size_bytes'),
)

const create = defineWrite('keyBackups.create', async (tx, input: NewBackup): Promise<number> => {
  const { user } = input
  if ((await tx.all(backupsOf, { user })).length >= input.most) throw new WriteConflict('too-many-backups')
  const version = ((await tx.first(newestOf, { user }))?.newest ?? 0) + 1
  await tx.run(storeNewest, { user, version })
  await tx.insertMany(insertBackup, [
    {
      user_number: user,
      version,
      algorithm: input.algorithm,
      auth_data_json: input.authDataJson,
      device_id: input.deviceId,
      etag: 0,
      sessions: 0,
      size_bytes: 0,
    },
  ])
  return version
})

const setAuthData = defineWrite(
  'keyBackups.setAuthData',
  async (tx, input: OfVersion & { algorithm: string; authDataJson: string }): Promise<void> => {
    const found = await tx.first(algorithmOf, input)
    if (found === undefined) throw new WriteConflict('backup-gone')
    if (found.algorithm !== input.algorithm) throw new WriteConflict('algorithm-differs')
    await tx.run(storeAuthData, { backup: found.backup, authDataJson: input.authDataJson })
  },
)

const put = defineWrite(
  'keyBackups.put',
  async (tx, input: OfVersion & { sessions: readonly BackedUpSession[]; limitBytes: number }): Promise<BackupState> => {
    const { user, version } = input
    const [newest] = await tx.all(backupsOf, { user })
    if (newest === undefined) throw new WriteConflict('backup-gone')
    if (newest.version !== version) {
      const ever = (await tx.first(newestOf, { user }))?.newest ?? 0
      throw new WriteConflict(version > ever ? 'backup-gone' : 'backup-not-newest')
    }
    return putSessions(tx, newest, input.sessions, input.limitBytes)
  },
)

const removeSome = (tx: Tx, backup: number, { roomId, sessionId }: SessionsOf, limit: number) => {
  if (roomId === undefined) return tx.all(deleteAny, { backup, limit })
  if (sessionId === undefined) return tx.all(deleteOfRoom, { backup, roomId, limit })
  return tx.all(deleteOne, { backup, roomId, sessionId })
}

const removeSessions = defineWrite(
  'keyBackups.removeSessions',
  async (
    tx,
    { user, version, which, limit }: OfVersion & { which: SessionsOf; limit: number },
  ): Promise<BackupState & { removed: number }> => {
    const found = (await tx.all(backupsOf, { user })).find((backup) => backup.version === version)
    if (found === undefined) throw new WriteConflict('backup-gone')
    const rows = await removeSome(tx, found.backup, which, limit)
    const state = await bump(tx, found, {
      isChanged: rows.length > 0,
      sessions: -rows.length,
      bytes: -rows.reduce((bytes, { size_bytes }) => bytes + size_bytes, 0),
    })
    return { ...state, removed: rows.length }
  },
)

const remove = defineWrite('keyBackups.remove', async (tx, input: OfVersion): Promise<boolean> => {
  const row = await tx.first(deleteBackup, input)
  if (row !== undefined) await tx.insertMany(insertGone, [{ backup: row.backup }])
  return row !== undefined || input.version <= ((await tx.first(newestOf, input))?.newest ?? 0)
})

const removeAll = defineWrite('keyBackups.removeAll', async (tx, input: { userId: UserId }): Promise<void> => {
  const user = await tx.userNumber(input.userId)
  const rows = await tx.all(deleteAll, { user })
  await tx.insertMany(insertGone, rows)
  await tx.run(forgetNewest, { user })
})

const sweep = defineWrite('keyBackups.sweep', async (tx, { limit }: { limit: number }): Promise<boolean> => {
  const gone = await tx.first(firstGone, {})
  if (gone === undefined) return false
  const removed = await tx.all(deleteAny, { backup: gone.backup, limit })
  if (removed.length < limit) await tx.run(forgetGone, gone)
  return true
})

export const keyBackupWrites = [create, setAuthData, put, removeSessions, remove, removeAll, sweep]

export const keyBackupsWriter: KeyBackupsWriter = {
  create,
  setAuthData: (user, version, algorithm, authDataJson) => setAuthData({ user, version, algorithm, authDataJson }),
  put: (user, version, sessions, limitBytes) => put({ user, version, sessions, limitBytes }),
  removeSessions: (user, version, which, limit) => removeSessions({ user, version, which, limit }),
  remove: (user, version) => remove({ user, version }),
  removeAll: (userId) => removeAll({ userId }),
  sweep: (limit) => sweep({ limit }),
}

import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { MIGRATIONS } from '../../migrations/index.ts'
import { type Inspection, inspectBy } from '../../sql/engine/inspection.ts'
import { SqliteFile } from './file.ts'

const WAITS_MS = 5_000

export const inspectSqlite = async (path: string): Promise<Inspection> => {
  if (!existsSync(path)) return { kind: 'missing' }
  // Without a log nobody writes to it. Otherwise SQLite would make files beside the database, even to read.
  const place = existsSync(`${path}-wal`) ? path : `${pathToFileURL(path).href}?immutable=1`
  const file = new SqliteFile({ path: place, readOnly: true, busyTimeoutMs: WAITS_MS })
  try {
    const ask = async (text: string) => file.execute(text, []).rows as readonly Record<string, unknown>[]
    const tables = await ask("select name from sqlite_master where type = 'table'")
    return await inspectBy(ask, new Set(tables.map(({ name }) => String(name))), MIGRATIONS)
  } finally {
    file.close()
  }
}

import pg from 'pg'
import { SchemaTooNew } from '../../ports/engine/faults.ts'
import { MIGRATIONS_TABLE, type Migration, pendingMigrations, SCHEMA_WORDS } from '../../sql/engine/schema.ts'
import { clientConfig, executeText } from './client.ts'
import { faultOf } from './faults.ts'

/** Number of the advisory lock: one that no other program is likely to use. */
const LOCK_KEY = 4_803_922_117

/** Runs all pending migrations in one transaction, under a lock against other processes that start. */
export const migrate = async (url: string, migrations: readonly Migration[]): Promise<void> => {
  // No timeouts: migrations may take long, and so may waiting for those of another process.
  const client = new pg.Client({ ...clientConfig(url), statement_timeout: 0, query_timeout: 0, lock_timeout: 0 })
  client.on('error', () => {
    // The statement under way fails too and reports it.
  })
  try {
    await client.connect()
  } catch (error) {
    throw faultOf(error)
  }
  try {
    await executeText(client, `begin; select pg_advisory_xact_lock(${LOCK_KEY}); ${MIGRATIONS_TABLE}`)
    const rows = (await executeText(client, 'select name from schema_migrations')) as readonly { name: string }[]
    const { pending, unknown } = pendingMigrations(migrations, new Set(rows.map(({ name }) => name)))
    if (unknown.length > 0) throw new SchemaTooNew(unknown)
    for (const { name, statements } of pending) {
      for (const statement of statements(SCHEMA_WORDS.postgres)) await executeText(client, statement)
      await executeText(client, `insert into schema_migrations (name) values ('${name}')`)
    }
    await executeText(client, 'commit')
  } finally {
    await client.end().catch(() => {})
  }
}

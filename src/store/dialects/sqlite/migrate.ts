import { SchemaTooNew } from '../../ports/engine/faults.ts'
import { MIGRATIONS_TABLE, type Migration, pendingMigrations, SCHEMA_WORDS } from '../../sql/engine/schema.ts'
import type { SqliteFile } from './file.ts'

/** Runs all pending migrations in one transaction, which is also the lock against a second process. */
export const migrate = (file: SqliteFile, migrations: readonly Migration[]): void => {
  file.run('begin immediate')
  try {
    file.run(MIGRATIONS_TABLE)
    const rows = file.execute('select name from schema_migrations', []).rows as readonly { name: string }[]
    const { pending, unknown } = pendingMigrations(migrations, new Set(rows.map(({ name }) => name)))
    if (unknown.length > 0) throw new SchemaTooNew(unknown)
    for (const { name, statements } of pending) {
      for (const statement of statements(SCHEMA_WORDS.sqlite)) file.run(statement)
      file.execute('insert into schema_migrations (name) values (?)', [name])
    }
    file.run('commit')
  } catch (error) {
    if (file.inTransaction) file.run('rollback')
    throw error
  }
}

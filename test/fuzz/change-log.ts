import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export interface LoggedChange {
  readonly name: string
  readonly operation: string
}

/**
 * What moves without being asked: when and from where a device was seen, positions given out, whether somebody is there, which process does
 * the chores; and what a refusal opens that ends by itself, the sessions of authentication. Everything else is for a request to change, and
 * for an accepted one alone.
 */
const UNTOLD_TABLES = /^(?:stream_positions|short_lived|leases|presence|fuzz_log|schema_migrations|sqlite_.*)$/
const UNTOLD_COLUMNS = /^seen_/

/** Watches a stopped homeserver's SQLite database from its next start on: triggers note each row that changes. */
export class ChangeLog {
  readonly #database: DatabaseSync
  #last = 0

  constructor(dataFolder: string) {
    this.#database = new DatabaseSync(join(dataFolder, 'homeroom.sqlite'))
    this.#database.exec('create table fuzz_log (id integer primary key autoincrement, name text, operation text)')
    const tables = this.#database
      .prepare("select name from pragma_table_list where schema = 'main' and type = 'table'")
      .all()
    for (const { name } of tables) {
      if (typeof name === 'string' && !UNTOLD_TABLES.test(name)) this.#watch(name)
    }
  }

  /** The changes since the last call. */
  take(): readonly LoggedChange[] {
    const rows = this.#database
      .prepare('select id, name, operation from fuzz_log where id > ? order by id')
      .all(this.#last)
    this.#last = Number(rows.at(-1)?.id ?? this.#last)
    return rows.map(({ name, operation }) => ({ name: String(name), operation: String(operation) }))
  }

  close(): void {
    this.#database.close()
  }

  #watch(name: string): void {
    const columns = this.#database
      .prepare('select name from pragma_table_info(?)')
      .all(name)
      .map((column) => String(column.name))
      .filter((column) => !UNTOLD_COLUMNS.test(column))
    const note = (operation: string) =>
      `begin insert into fuzz_log (name, operation) values ('${name}', '${operation}'); end`
    const quoted = columns.map((column) => `"${column}"`).join(', ')
    this.#database.exec(`create trigger "fuzz_${name}_i" after insert on "${name}" ${note('insert')}`)
    this.#database.exec(`create trigger "fuzz_${name}_d" after delete on "${name}" ${note('delete')}`)
    this.#database.exec(`create trigger "fuzz_${name}_u" after update of ${quoted} on "${name}" ${note('update')}`)
  }
}

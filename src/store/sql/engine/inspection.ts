/** Findings in a database that is only looked at: nothing is made, locked or brought up to date. */
export type Inspection =
  /** `missing`: there is no such file; `empty`: nothing of Homeroom is in it. */
  | { readonly kind: 'missing' | 'empty' }
  | {
      readonly kind: 'found'
      /** undefined: the database is from before it knew whose it is, and has no account. */
      readonly serverName: string | undefined
      readonly databaseId: string | undefined
      readonly key: { readonly keyId: string; readonly publicKey: string } | undefined
      /** Whether a start would bring its schema up to date. */
      readonly isOlder: boolean
      /** Whether a newer release wrote it. */
      readonly isNewer: boolean
    }

/** Runs one statement without parameters, or throws `StoreUnavailable`. */
export type Ask = (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>

/** `tables`: the names of the tables there are. */
export const inspectBy = async (
  ask: Ask,
  tables: ReadonlySet<string>,
  known: readonly { readonly name: string }[],
): Promise<Inspection> => {
  if (!tables.has('schema_migrations')) return { kind: 'empty' }
  const first = async (table: string, text: string): Promise<Readonly<Record<string, unknown>>> =>
    tables.has(table) ? ((await ask(text))[0] ?? {}) : {}
  const applied = new Set((await ask('select name from schema_migrations')).map(({ name }) => name))
  const homeserver = await first('homeserver', 'select name, database_id from homeserver')
  const key = await first('signing_keys', 'select key_id, public_key from signing_keys')
  const user = await first(
    'accounts',
    'select user_id from accounts join users on users.user_number = accounts.user_number limit 1',
  )
  const [keyId, publicKey] = [textOf(key.key_id), textOf(key.public_key)]
  const ofUser = typeof user.user_id === 'string' ? user.user_id.slice(user.user_id.indexOf(':') + 1) : undefined
  return {
    kind: 'found',
    serverName: textOf(homeserver.name) ?? ofUser,
    databaseId: textOf(homeserver.database_id),
    key: keyId === undefined || publicKey === undefined ? undefined : { keyId, publicKey },
    isOlder: known.some(({ name }) => !applied.has(name)),
    isNewer: applied.size > known.filter(({ name }) => applied.has(name)).length,
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

import type { ServerName } from '#spec'
import { insertInto, type Tx } from '../../engine/index.ts'
import { query } from '../tables.ts'

const numbersIn = query((db, param: { names: readonly ServerName[] }, { texts }) =>
  db.selectFrom('servers').select(['server', 'name']).where('name', 'in', texts(param.names)),
)
const insertServers = insertInto('servers', { name: 'text' }, { ifExists: 'ignore' })

/** Gives numbers to those of these servers that have none yet. */
export const addServers = (tx: Tx, names: readonly ServerName[]): Promise<void> =>
  tx.insertMany(
    insertServers,
    names.map((name) => ({ name })),
  )

/** The numbers of servers; those without one get it now. */
export const serverNumbers = async (tx: Tx, names: readonly ServerName[]): Promise<ReadonlyMap<ServerName, number>> => {
  if (names.length === 0) return new Map()
  const asked = [...new Set(names)]
  let rows = await tx.all(numbersIn, { names: asked })
  if (rows.length < asked.length) {
    const known = new Set(rows.map(({ name }) => name))
    await addServers(
      tx,
      asked.filter((name) => !known.has(name)),
    )
    rows = await tx.all(numbersIn, { names: asked })
  }
  return new Map(rows.map(({ name, server }) => [name, server]))
}

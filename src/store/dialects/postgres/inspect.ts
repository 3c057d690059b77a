import pg from 'pg'
import { MIGRATIONS } from '../../migrations/index.ts'
import { type Inspection, inspectBy } from '../../sql/engine/inspection.ts'
import { clientConfig, executeText } from './client.ts'
import { faultOf } from './faults.ts'

export const inspectPostgres = async (url: string): Promise<Inspection> => {
  const client = new pg.Client(clientConfig(url))
  client.on('error', () => {
    // The statement under way fails too and reports it.
  })
  try {
    await client.connect()
    const ask = async (text: string) => (await executeText(client, text)) as readonly Record<string, unknown>[]
    const tables = await ask('select tablename as name from pg_tables where schemaname = any (current_schemas(false))')
    return await inspectBy(ask, new Set(tables.map(({ name }) => String(name))), MIGRATIONS)
  } catch (error) {
    throw faultOf(error)
  } finally {
    await client.end().catch(() => {})
  }
}

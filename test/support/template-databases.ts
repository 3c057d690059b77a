import pg from 'pg'

const POSTGRES = process.env.HOMEROOM_TEST_POSTGRES

/** Begins the names of the databases that the workers of this run copy for their tests. The workers are children of its process. */
export const templatePrefix = (runPid: number): string => `homeroom_template_${runPid}_`

/** After the run, the templates go. */
export const teardown = async (): Promise<void> => {
  if (POSTGRES === undefined) return
  const client = new pg.Client({ connectionString: POSTGRES })
  await client.connect()
  try {
    const names = 'select datname from pg_database where starts_with(datname, $1)'
    for (const { datname } of (await client.query(names, [templatePrefix(process.pid)])).rows)
      await client.query(`drop database if exists "${datname}" with (force)`)
  } finally {
    await client.end()
  }
}

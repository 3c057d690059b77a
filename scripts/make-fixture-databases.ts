import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { gzipSync } from 'node:zlib'
import pg from 'pg'
import { Scene } from '../test/flow/upgrade/scene.ts'
import { CHEAP_PASSWORDS, ServerProcess } from '../test/support/server-process.ts'
import { repositoryRoot } from './cruise.ts'

/**
 * Makes the fixture of databases that later versions must open: `node scripts/make-fixture-databases.ts NAME`. Needs PostgreSQL, named by
 * `HOMEROOM_TEST_POSTGRES`, and its `pg_dump` in the PATH or named by `PG_DUMP`. A fixture that is there is never made again: what it
 * holds is what that version wrote.
 */
const FIXTURES = join(repositoryRoot, 'test', 'flow', 'upgrade', 'databases')

/** Fills a homeserver over that database; answers its data folder, in a folder of the caller. */
const fill = async (target: string, folder: string, databaseUrl?: string): Promise<string> => {
  const dataFolder = join(folder, 'data')
  const server = new ServerProcess({ dataFolder, databaseUrl, env: CHEAP_PASSWORDS })
  try {
    await server.ready()
    const known = await new Scene(server.url).play()
    mkdirSync(target, { recursive: true })
    writeFileSync(join(target, 'known.json'), `${JSON.stringify(known, null, 1)}\n`)
    await server.terminate()
    if (server.errors !== '') throw new Error(server.errors)
    return dataFolder
  } finally {
    await server.kill()
  }
}

/** All of the data folder but the database and the lock. */
const copyFiles = (dataFolder: string, target: string): void => {
  for (const name of readdirSync(dataFolder)) {
    if (name !== 'lock' && !name.startsWith('homeroom.sqlite'))
      cpSync(join(dataFolder, name), join(target, 'files', name), { recursive: true })
  }
}

const makeSqlite = async (target: string, folder: string): Promise<void> => {
  const dataFolder = await fill(target, folder)
  const file = join(dataFolder, 'homeroom.sqlite')
  const database = new DatabaseSync(file)
  database.exec('vacuum')
  database.close()
  writeFileSync(join(target, 'homeroom.sqlite.gz'), gzipSync(readFileSync(file), { level: 9 }))
  copyFiles(dataFolder, target)
}

const makePostgres = async (target: string, folder: string, server: string): Promise<void> => {
  const name = `homeroom_fixture_${process.pid}`
  const ask = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    try {
      await client.query(text)
    } finally {
      await client.end()
    }
  }
  await ask(`create database ${name} template template0 encoding 'UTF8'`)
  try {
    const url = new URL(server)
    url.pathname = `/${name}`
    const dataFolder = await fill(target, folder, url.href)
    const flags = ['--inserts', '--rows-per-insert=200', '--no-owner', '--no-privileges', '--no-comments']
    const dump = execFileSync(process.env.PG_DUMP ?? 'pg_dump', [...flags, url.href], { encoding: 'utf8' })
    // Lines for psql alone and comments go: the dump is loaded by an ordinary client.
    const lines = dump.split('\n').filter((line) => !/^(?:\\|--|$|SET |SELECT pg_catalog\.set_config)/.test(line))
    writeFileSync(join(target, 'homeroom.sql'), `${lines.join('\n')}\n`)
    copyFiles(dataFolder, target)
  } finally {
    await ask(`drop database ${name} with (force)`)
  }
}

const [name] = process.argv.slice(2)
const postgres = process.env.HOMEROOM_TEST_POSTGRES
if (name === undefined || postgres === undefined) {
  console.error('usage: HOMEROOM_TEST_POSTGRES=postgres://… node scripts/make-fixture-databases.ts NAME')
  process.exit(2)
}
const target = join(FIXTURES, name)
// Fails where it is there.
mkdirSync(target)
for (const make of [makeSqlite, makePostgres]) {
  const folder = mkdtempSync(join(tmpdir(), 'homeroom-fixture-'))
  await make(join(target, make === makeSqlite ? 'sqlite' : 'postgres'), folder, postgres).finally(() =>
    rmSync(folder, { recursive: true, force: true }),
  )
}

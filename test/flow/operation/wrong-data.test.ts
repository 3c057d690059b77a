import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { askPostgres, createEmptyPostgres, onPostgres, postgresUrl } from '../../contract/databases.ts'
import { Program, run, startOnce, temporaryFolder } from './cli-fixture.ts'

const start = (...flags: readonly string[]) => new Program(['start', '--port', '0', ...flags])

const refused = (sentence: string) => ({
  code: 78,
  stderr: expect.stringMatching(new RegExp(`^homeroom: ${sentence}[^\\n]*\\n$`)),
})

const filesIn = (folder: string) => readdirSync(folder).toSorted()

let made = 0
const withPostgres = async (work: (url: string) => Promise<void>): Promise<void> => {
  const name = `homeroom_wrong_${process.pid}_${made++}`
  await createEmptyPostgres(name)
  try {
    await work(postgresUrl(name))
  } finally {
    await askPostgres(`drop database ${name} with (force)`)
  }
}

describe('another server.name on existing data', () => {
  it('is refused with exit code 78 and a sentence, and the right one still starts', async () => {
    using folder = temporaryFolder()
    await startOnce('--data', folder.path)
    expect(await run(['start', '--port', '0', '--data', folder.path, '--server-name', 'example.org'])).toMatchObject(
      refused('The database .*homeroom\\.sqlite belongs to the server localhost, and a name can never be changed'),
    )
    expect((await startOnce('--data', folder.path)).code).toBe(0)
  })

  it('is refused on data of before the database knew the name', async () => {
    using folder = temporaryFolder()
    {
      await using program = start('--data', folder.path)
      const body = JSON.stringify({ username: 'alice', password: 'a password', auth: { type: 'm.login.dummy' } })
      await fetch(`${await program.address()}/_matrix/client/v3/register`, { method: 'POST', body })
    }
    const database = new DatabaseSync(join(folder.path, 'homeroom.sqlite'))
    database.exec('delete from homeserver')
    database.close()
    rmSync(join(folder.path, 'database.id'))
    expect(await run(['start', '--port', '0', '--data', folder.path, '--server-name', 'example.org'])).toMatchObject(
      refused('The database .*homeroom\\.sqlite belongs to the server localhost'),
    )
    expect((await startOnce('--data', folder.path)).code).toBe(0)
  })
})

describe('the signing key beside a database', () => {
  it('is never replaced in silence: the one that the database knows is written again, and a line says so', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'signing.key')
    await startOnce('--data', folder.path)
    const key = readFileSync(file, 'utf8')
    rmSync(file)
    const { stderr } = await startOnce('--data', folder.path)
    expect(readFileSync(file, 'utf8')).toBe(key)
    expect(stderr).toMatch(/"level":"warn".*signing\.key was missing/)
  })

  it('is refused with exit code 78 where it is another one, or missing everywhere', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'signing.key')
    await startOnce('--data', folder.path)
    const key = readFileSync(file, 'utf8')
    const again = () => run(['start', '--port', '0', '--data', folder.path])
    writeFileSync(file, `ed25519 a_xxxx ${Buffer.alloc(32, 7).toString('base64').replaceAll('=', '')}\n`)
    expect(await again()).toMatchObject(refused('The signing key .*signing\\.key is not the one of this database'))
    const database = new DatabaseSync(join(folder.path, 'homeroom.sqlite'))
    database.exec('delete from signing_keys')
    database.close()
    rmSync(file)
    expect(await again()).toMatchObject(refused('The signing key of this database is missing'))
    expect(existsSync(file)).toBe(false)
    writeFileSync(file, key)
    expect((await startOnce('--data', folder.path)).code).toBe(0)
  })
})

describe('a data folder and a database that do not belong together', () => {
  it('are refused with exit code 78, as media of the one would be removed for the other', async () => {
    using folder = temporaryFolder()
    const [one, two] = [join(folder.path, 'one'), join(folder.path, 'two')]
    await startOnce('--data', one)
    await startOnce('--data', two)
    const database = ['--database', `sqlite:${join(two, 'homeroom.sqlite')}`]
    rmSync(join(one, 'signing.key'))
    expect(await run(['start', '--port', '0', '--data', one, ...database])).toMatchObject(
      refused(`The data folder ${one} belongs to another database`),
    )
    const fresh = ['--database', `sqlite:${join(folder.path, 'fresh.sqlite')}`]
    expect(await run(['start', '--port', '0', '--data', one, ...fresh])).toMatchObject(
      refused(`The data folder ${one} belongs to another database`),
    )
  })
})

describe('two servers side by side on one database', () => {
  it('are refused with exit code 78 on SQLite, also from another data folder', async () => {
    using folder = temporaryFolder()
    const [one, two] = [join(folder.path, 'one'), join(folder.path, 'two')]
    await using program = start('--data', one)
    await program.address()
    expect(await run(['start', '--port', '0', '--data', one])).toMatchObject(
      refused(`The data folder ${one} is in use by another Homeroom`),
    )
    const database = ['--database', `sqlite:${join(one, 'homeroom.sqlite')}`]
    expect(await run(['start', '--port', '0', '--data', two, ...database])).toMatchObject(
      refused('The database .*homeroom\\.sqlite is in use by another Homeroom'),
    )
  })
})

onPostgres('on PostgreSQL', () => {
  it('two servers side by side are refused with exit code 78, unless they are said to be several processes of one homeserver', () =>
    withPostgres(async (url) => {
      using folder = temporaryFolder()
      const [one, two] = [join(folder.path, 'one'), join(folder.path, 'two')]
      const flags = (data: string) => ['--data', data, '--database', url]
      const several = { HOMEROOM_STORAGE_SEVERAL_PROCESSES: 'true' }
      {
        await using program = start(...flags(one))
        await program.address()
        const second = ['start', '--port', '0', ...flags(two)]
        const inUse = refused('The database postgres:.* is in use by another Homeroom')
        expect(await run(second)).toMatchObject(inUse)
        expect(await run(second, { environment: several })).toMatchObject(inUse)
      }
      // A killed server leaves no lock behind.
      await using program = new Program(['start', '--port', '0', ...flags(one)], several)
      await program.address()
      await using another = new Program(['start', '--port', '0', ...flags(two)], several)
      await another.address()
    }))

  it('another server.name, or another data folder with media of its own, is refused with exit code 78', () =>
    withPostgres(async (url) => {
      using folder = temporaryFolder()
      const [one, two] = [join(folder.path, 'one'), join(folder.path, 'two')]
      await startOnce('--data', one, '--database', url)
      const other = ['--data', one, '--database', url, '--server-name', 'example.org']
      expect(await run(['start', '--port', '0', ...other])).toMatchObject(
        refused('The database postgres:.* belongs to the server localhost'),
      )
      await startOnce('--data', two)
      rmSync(join(two, 'signing.key'))
      expect(await run(['start', '--port', '0', '--data', two, '--database', url])).toMatchObject(
        refused(`The data folder ${two} belongs to another database`),
      )
    }))

  it('a server whose lock somebody took while PostgreSQL was away writes no more', () =>
    withPostgres(async (url) => {
      using folder = temporaryFolder()
      await using program = start('--data', folder.path, '--database', url, '--no-rate-limit')
      const address = await program.address()
      const register = async (username: string) => {
        const body = JSON.stringify({ username, password: 'a password', auth: { type: 'm.login.dummy' } })
        return (await fetch(`${address}/_matrix/client/v3/register`, { method: 'POST', body })).status
      }
      expect(await register('alice')).toBe(200)
      const name = url.slice(url.lastIndexOf('/') + 1)
      const thief = new pg.Client({ connectionString: url })
      await thief.connect()
      const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`
      let taken = false
      while (!taken) {
        await thief.query(cut)
        taken = (await thief.query('select pg_try_advisory_lock(4803922119) as taken')).rows[0].taken
      }
      expect(await register('bob')).toBe(503)
      expect(await register('bob')).toBe(503)
      await program.logged(/another Homeroom has taken the database/)
      await thief.end()
      while ((await register('bob')) !== 200);
    }))
})

describe('a command in a wrong folder', () => {
  it.each([['create-user', '--user', 'alice'], ['create-registration-token']])(
    'makes no new server there: %s %s',
    async (...command) => {
      using folder = temporaryFolder()
      const missing = join(folder.path, 'missing')
      const empty = join(folder.path, 'empty')
      mkdirSync(empty)
      for (const data of [missing, empty]) {
        expect(await run([...command, '--data', data], { input: 'a password\n' })).toMatchObject(
          refused('There is no database .*homeroom\\.sqlite'),
        )
      }
      expect(existsSync(missing)).toBe(false)
      expect(filesIn(empty)).toEqual([])
    },
  )

  it('makes no account on a server of another name', async () => {
    using folder = temporaryFolder()
    await startOnce('--data', folder.path)
    const create = ['create-user', '--user', 'alice', '--server-name', 'example.org', '--data', folder.path]
    expect(await run(create, { input: 'a password\n' })).toMatchObject(
      refused('The database .*homeroom\\.sqlite belongs to the server localhost'),
    )
  })
})

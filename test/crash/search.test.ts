import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import { askPostgres, createPostgres, POSTGRES, postgresUrl } from '../contract/databases.ts'
import { search } from '../flow/finding/searches.ts'
import type { Json } from '../support/client.ts'
import { TestClient } from '../support/client.ts'
import { scratchFolder } from '../support/scratch.ts'
import { CHEAP_PASSWORDS, ServerProcess } from '../support/server-process.ts'

const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one()
})

/** As a migration leaves a database whose events are all from before it. */
const FORGET_INDEX = [
  'delete from search_texts',
  'delete from search_edits',
  'update search_progress set up_to = (select max(event) from events), earlier_from = (select max(event) from events) + 1',
]

const MESSAGES = 400

const suite = (kind: 'sqlite' | 'postgres') => (): void => {
  it('finds everything that was answered, whenever the server is killed', async () => {
    const dataFolder = scratchFolder('search')
    undo.push(async () => rmSync(dataFolder, { recursive: true, force: true }))
    const name = `homeroom_crash_search_${process.pid}`
    if (kind === 'postgres') {
      await createPostgres(name)
      undo.push(() => askPostgres(`drop database ${name} with (force)`))
    }
    const databaseUrl = kind === 'postgres' ? postgresUrl(name) : undefined
    const start = async (): Promise<ServerProcess> => {
      const server = new ServerProcess({ dataFolder, databaseUrl, env: CHEAP_PASSWORDS })
      undo.push(() => server.kill())
      await server.ready()
      return server
    }
    let server = await start()
    const alice = new TestClient(() => server.url)
    await alice.register('alice')
    const roomId = await alice.createRoom()
    const edited = await alice.sendText(roomId, 'before')
    const sent: string[] = []
    const send = async (): Promise<void> => {
      while (sent.length < MESSAGES) sent.push(await alice.sendText(roomId, `word ${sent.length}`))
    }
    const redacted = await alice.sendText(roomId, 'word to be redacted')
    await Promise.all(Array.from({ length: 8 }, send))
    await alice.redact(roomId, redacted)
    await alice.send(roomId, 'm.room.message', {
      msgtype: 'm.text',
      body: '* after',
      'm.new_content': { msgtype: 'm.text', body: 'after' },
      'm.relates_to': { rel_type: 'm.replace', event_id: edited },
    })
    const all = async (): Promise<string[]> => {
      const found: string[] = []
      for (let page: Json; page === undefined || page.next_batch !== undefined; ) {
        page = await search(alice, 'word', { order_by: 'recent', filter: { limit: 50 } }, page?.next_batch)
        found.push(...page.results.map(({ result }: Json) => result.event_id))
      }
      return found
    }
    const isWhole = async (): Promise<void> => {
      expect((await all()).toSorted()).toEqual(sent.toSorted())
      expect((await search(alice, 'after')).results).toHaveLength(1)
      expect((await search(alice, 'before')).results).toHaveLength(0)
    }
    await server.kill()
    server = await start()
    await isWhole()

    // Indexed anew, in pieces, with kills between: nothing is begun from the start.
    await server.kill()
    if (kind === 'postgres') await askInside(postgresUrl(name))
    else {
      const file = new DatabaseSync(join(dataFolder, 'homeroom.sqlite'))
      for (const statement of FORGET_INDEX) file.exec(statement)
      file.close()
    }
    for (let kills = 0; kills < 3; kills++) {
      server = await start()
      await server.kill()
    }
    server = await start()
    await expect.poll(async () => (await all()).length, { timeout: 60_000 }).toBe(sent.length)
    await isWhole()
  }, 180_000)
}

const askInside = async (url: string): Promise<void> => {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const statement of FORGET_INDEX) await client.query(statement)
  await client.end()
}

describe('the index of messages, on SQLite', suite('sqlite'))
describe.skipIf(POSTGRES === undefined)('the index of messages, on PostgreSQL', suite('postgres'))

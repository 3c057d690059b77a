import { describe, expect, it } from 'vitest'
import { askPostgres, createPostgres, POSTGRES, postgresUrl } from '../../contract/databases.ts'
import { PostgresProxy } from '../../crash/postgres-proxy.ts'
import { onEveryHomeserver, startHomeserver } from '../../support/homeserver.ts'

const ask = async (url: string, path: string) => {
  const answer = await fetch(`${url}${path}`)
  return [answer.status, await answer.text()] as const
}

onEveryHomeserver('the health checks', (start) => {
  it('say OK while the server can serve', async () => {
    await using server = await start()
    expect(await ask(server.url, '/health')).toEqual([200, 'OK'])
    expect(await ask(server.url, '/health/ready')).toEqual([200, 'OK'])
  })
})

describe.skipIf(POSTGRES === undefined)('while PostgreSQL is down', () => {
  it('the server is alive and not ready, and it is ready again when the database is back', async () => {
    const database = `homeroom_health_${process.pid}`
    await createPostgres(database)
    const proxy = await PostgresProxy.start(postgresUrl(database))
    try {
      await using server = await startHomeserver({ settings: { storage: { database: proxy.url } } })
      expect(await ask(server.url, '/health/ready')).toEqual([200, 'OK'])
      proxy.takeAway()
      await expect.poll(() => ask(server.url, '/health/ready')).toEqual([503, 'The database does not answer'])
      expect(await ask(server.url, '/health')).toEqual([200, 'OK'])
      proxy.giveBack()
      await expect.poll(() => ask(server.url, '/health/ready')).toEqual([200, 'OK'])
    } finally {
      proxy.stop()
      await askPostgres(`drop database ${database} with (force)`)
    }
  })
})

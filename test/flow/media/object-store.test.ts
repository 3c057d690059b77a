import { randomBytes } from 'node:crypto'
import { statSync, utimesSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '#base'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { ObjectStore } from '../../support/other-servers/object-store.ts'
import { type MediaUser, mediaUser, picture } from './fixture.ts'
import { hashOf, spooled } from './storage-kinds.ts'

describe('a store of objects', () => {
  let store: ObjectStore
  let homeserver: TestHomeserver
  let alice: MediaUser
  beforeAll(async () => {
    store = await ObjectStore.start()
    homeserver = await startHomeserver({ settings: { s3: store.settings } })
    alice = await mediaUser(homeserver, 'alice')
  })
  afterAll(async () => {
    await homeserver.stop()
    await store[Symbol.asyncDispose]()
  })
  const refuse = (status: number) => (_: unknown, response: ServerResponse) => {
    response.writeHead(status).end()
    return 'taken' as const
  }

  it('gets bytes signed with their hash, none of them twice', async () => {
    const bytes = randomBytes(8_500_000)
    await alice.upload(bytes)
    const puts = store.seen.filter(({ method }) => method === 'PUT')
    expect(puts).toHaveLength(2)
    for (const { headers } of puts) expect(headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/)
    await alice.upload(bytes)
    expect(store.times('PUT')).toBe(2)
  })

  it('that fails once is asked again, and one that is gone is said so: nothing is acknowledged', async () => {
    let failures = 2
    store.mishap = (seen, response) =>
      seen.method === 'PUT' && failures-- > 0 ? refuse(500)(seen, response) : undefined
    const id = await alice.upload(Buffer.from('in the end'))
    store.mishap = undefined
    expect((await alice.get(`download/${id}`)).bytes.toString()).toBe('in the end')
    const gone = { status: 503, json: { errcode: 'M_UNKNOWN' } }
    for (const status of [500, 503, 403]) {
      store.mishap = refuse(status)
      expect(await alice.tryUpload(Buffer.from('refused'))).toMatchObject(gone)
      expect(await alice.get(`download/${id}`)).toMatchObject(gone)
    }
    store.mishap = undefined
    expect(store.objects).not.toContain(hashOf(Buffer.from('refused')))
    expect(spooled(homeserver)).toEqual([])
    await alice.upload(Buffer.from('refused'))
  })

  it('that does not answer is waited for as long as is set', async () => {
    await using hasty = await startHomeserver({ settings: { s3: { ...store.settings, requestTimeout: '500ms' } } })
    const bob = await mediaUser(hasty, 'bob')
    store.mishap = ({ method }) => (method === 'PUT' ? 'taken' : undefined)
    expect(await bob.tryUpload(Buffer.from('lost'))).toMatchObject({ status: 503 })
    store.mishap = undefined
    await bob.upload(Buffer.from('lost'))
  })

  it('that gives back other bytes is found out: no damaged file arrives as a whole one', async () => {
    const bytes = await picture(400, 300)
    const id = await alice.upload(bytes)
    const damaged = Buffer.from(bytes)
    damaged[bytes.length - 1] = (damaged.at(-1) ?? 0) ^ 1
    writeFileSync(store.pathOf(hashOf(bytes)), damaged)
    await expect(alice.get(`download/${id}`)).rejects.toThrow()
    expect((await alice.get(`thumbnail/${id}?width=32&height=32`)).status).toBe(500)
    expect(spooled(homeserver)).toEqual([])
    writeFileSync(store.pathOf(hashOf(bytes)), bytes)
    expect((await alice.get(`download/${id}`)).bytes.equals(bytes)).toBe(true)
  })

  it('that is silent keeps no server from starting, nor from stopping', async () => {
    const id = await alice.upload(Buffer.from('patience'))
    store.mishap = () => 'taken'
    const before = performance.now()
    const asked = store.seen.length
    await homeserver.restart()
    while (store.seen.length === asked) await alice.client.get('/v3/account/whoami')
    await homeserver.restart()
    expect(performance.now() - before).toBeLessThan(6_000)
    store.mishap = undefined
    expect((await alice.get(`download/${id}`)).bytes.toString()).toBe('patience')
  })

  it('that the reader leaves half-way is left, too, and what stops leaves no spool', async () => {
    const id = await alice.upload(randomBytes(4_000_000))
    for (let round = 0; round < 4; round++) {
      const cut = new AbortController()
      const response = await fetch(`${homeserver.url}/_matrix/media/v3/download/${id}`, { signal: cut.signal })
      await response.body?.getReader().read()
      cut.abort()
    }
    expect((await alice.get(`download/${id}`)).bytes.length).toBe(4_000_000)
    expect(statSync(join(homeserver.dataFolder, 'media-spool')).mode & 0o777).toBe(0o700)
  })
})

describe('a bucket and prefix that belong to another homeserver', () => {
  it('are never swept, as its media would be removed for this one; a line says so', async () => {
    await using store = await ObjectStore.start()
    const settings = { s3: store.settings }
    await using first = await startHomeserver({ settings })
    const alice = await mediaUser(first, 'alice')
    await alice.upload(Buffer.from('a file of the first'))
    const [name = ''] = store.objects
    const old = new Date(Date.now() - 30 * 86_400_000)
    utimesSync(store.pathOf(name), old, old)
    const { promise: failed, resolve } = Promise.withResolvers<unknown>()
    const logger = {
      ...silentLogger,
      error: (fields: object) => resolve(fields),
      warn: (fields: object) => resolve(fields),
    }
    await using _ = await startHomeserver({ settings, logger })
    expect(await failed).toMatchObject({ err: { message: expect.stringContaining('belong to another database') } })
    expect(store.objects).toEqual([name])
  })
})

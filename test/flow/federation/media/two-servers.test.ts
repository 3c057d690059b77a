import { expect, it } from 'vitest'
import { startFederation } from '../../../support/federation-servers.ts'
import { fetchBytes, mediaUser, picture, storedFiles } from '../../media/fixture.ts'

const WISH = 'width=96&height=96&method=crop'

it('a file of another server is fetched once, kept, and served when that server is gone', async () => {
  await using servers = await startFederation({
    database: process.env.HOMEROOM_TEST_POSTGRES ? ['sqlite', 'postgres'] : 'sqlite',
  })
  const alice = await mediaUser(servers.at(0), 'alice')
  const bob = await mediaUser(servers.at(1), 'bob')
  const bytes = Buffer.concat([Buffer.from('\r\n--part\r\n\r\n'), await picture(3_000, 2_000, 'jpeg')])
  const id = await alice.upload(bytes, { type: 'image/jpeg', name: 'häuser "1".jpg' })

  const answers = await Promise.all([1, 2, 3].map(() => bob.get(`download/${id}`)))
  for (const { status, bytes: got, headers } of answers) {
    expect([status, got.equals(bytes), headers.get('content-type')]).toEqual([200, true, 'image/jpeg'])
    expect(headers.get('content-disposition')).toContain("filename*=utf-8''h%C3%A4user%20%221%22.jpg")
  }
  expect(storedFiles(servers.at(1))).toHaveLength(1)
  await servers.at(0).stop()
  expect((await bob.get(`download/${id}`)).bytes.equals(bytes)).toBe(true)
  const open = await fetchBytes(servers.at(1), `/_matrix/media/v3/download/${id}`)
  expect([open.status, open.bytes.equals(bytes)]).toEqual([200, true])
})

it('a thumbnail is made by the server that has the file, or here of a file that is here', async () => {
  await using servers = await startFederation()
  const alice = await mediaUser(servers.at(0), 'alice')
  const bob = await mediaUser(servers.at(1), 'bob')
  const id = await alice.upload(await picture(3_000, 2_000, 'jpeg'), { type: 'image/jpeg' })

  const made = await bob.get(`thumbnail/${id}?${WISH}`)
  expect([made.status, made.headers.get('content-type')]).toEqual([200, 'image/jpeg'])
  expect(made.headers.get('content-disposition')).toBe('inline; filename="thumbnail.jpeg"')
  // The thumbnail alone.
  expect(storedFiles(servers.at(1))).toHaveLength(1)
  expect((await bob.get(`thumbnail/${id}?width=90&height=90&method=crop`)).bytes.equals(made.bytes)).toBe(true)
  expect(storedFiles(servers.at(1))).toHaveLength(1)

  await bob.get(`download/${id}`)
  await servers.at(0).stop()
  expect((await bob.get(`thumbnail/${id}?width=640&height=480`)).status).toBe(200)
})

it('what is not there, is no image, or may not be asked for is refused as the client would be at home', async () => {
  await using servers = await startFederation()
  const alice = await mediaUser(servers.at(0), 'alice')
  const bob = await mediaUser(servers.at(1), 'bob')
  const id = await alice.upload(Buffer.from('plain'), { type: 'text/plain' })
  expect((await bob.get('download/first.example/nothing')).json.errcode).toBe('M_NOT_FOUND')
  expect((await bob.get('download/first.example/..%2Fversion')).json.errcode).toBe('M_NOT_FOUND')
  expect((await bob.get('download/not%20a%20server/nothing')).json.errcode).toBe('M_NOT_FOUND')
  const noImage = await bob.get(`thumbnail/${id}?${WISH}`)
  expect([noImage.status, noImage.json.errcode]).toEqual([400, 'M_UNKNOWN'])
  const closed = await bob.get(`download/${id}?allow_remote=false`)
  expect([closed.status, closed.json.errcode]).toEqual([404, 'M_NOT_FOUND'])
  expect((await bob.get(`download/${id}`)).bytes.toString()).toBe('plain')
})

it('a user fetches so many files of other servers and no more', async () => {
  await using servers = await startFederation({ settings: { rateLimits: { enabled: true, remoteMedia: '2/600s' } } })
  const alice = await mediaUser(servers.at(0), 'alice')
  const bob = await mediaUser(servers.at(1), 'bob')
  const ids = await Promise.all(['a', 'b', 'c'].map((text) => alice.upload(Buffer.from(text))))
  const statuses: number[] = []
  for (const id of [...ids, ids[0]]) statuses.push((await bob.get(`download/${id}`)).status)
  // The last is a copy that is here.
  expect(statuses).toEqual([200, 200, 429, 200])
})

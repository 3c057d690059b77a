import { describe, expect, it } from 'vitest'
import { onEveryHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { type MediaUser, mediaUser, storedFiles } from './fixture.ts'

const announce = async (user: MediaUser): Promise<{ readonly id: string; readonly expiresAt: number }> => {
  const { content_uri: uri, unused_expires_at: expiresAt } = await user.client.post('/_matrix/media/v1/create')
  return { id: String(uri).slice('mxc://'.length), expiresAt }
}
const fill = (user: MediaUser, id: string, bytes = Buffer.from('late')) =>
  user.tryUpload(bytes, { path: `/_matrix/media/v3/upload/${id}`, method: 'PUT', type: 'text/plain', name: 'l.txt' })

onEveryHomeserver('an upload that was announced', (start) => {
  it('is filled once, by who announced it', async () => {
    await using homeserver = await start()
    const alice = await mediaUser(homeserver, 'alice')
    const bob = await mediaUser(homeserver, 'bob')
    const { id } = await announce(alice)
    expect(await fill(bob, id)).toMatchObject({ status: 403, json: { errcode: 'M_FORBIDDEN' } })
    expect(await fill(alice, id)).toMatchObject({ status: 200, json: {} })
    expect(await fill(alice, id)).toMatchObject({ status: 409, json: { errcode: 'M_CANNOT_OVERWRITE_MEDIA' } })
    expect(await fill(alice, 'localhost/never')).toMatchObject({ status: 404, json: { errcode: 'M_NOT_FOUND' } })
    expect(await fill(alice, `other.example/${id.split('/')[1]}`)).toMatchObject({ status: 404 })
    const found = await bob.get(`download/${id}`)
    expect([found.status, found.bytes.toString()]).toEqual([200, 'late'])
    expect(found.headers.get('content-disposition')).toBe('inline; filename="l.txt"')
    expect(storedFiles(homeserver)).toHaveLength(1)
  })

  it('is filled once where two try at the same time', async () => {
    await using homeserver = await start()
    const alice = await mediaUser(homeserver, 'alice')
    const { id } = await announce(alice)
    const tries = await Promise.all([1, 2, 3, 4].map((byte) => fill(alice, id, Buffer.alloc(1_000, byte))))
    expect(tries.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409])
    expect(storedFiles(homeserver)).toHaveLength(1)
  })

  it('can be announced so many times by one user', async () => {
    await using homeserver = await start({ settings: { media: { pendingUploads: 3 } } })
    const alice = await mediaUser(homeserver, 'alice')
    const bob = await mediaUser(homeserver, 'bob')
    const [first] = [await announce(alice), await announce(alice), await announce(alice)]
    const refused = await alice.client.request('POST', '/_matrix/media/v1/create')
    expect(refused).toMatchObject({ status: 429, body: { errcode: 'M_LIMIT_EXCEEDED' } })
    await announce(bob)
    await fill(alice, first?.id ?? '')
    await announce(alice)
  })
})

describe('who wants an announced upload', () => {
  it('waits for it, as long as it says', async () => {
    await using homeserver = await startHomeserver()
    const alice = await mediaUser(homeserver, 'alice')
    const { id } = await announce(alice)
    const none = await alice.get(`download/${id}?timeout_ms=0`)
    expect(none).toMatchObject({ status: 504, json: { errcode: 'M_NOT_YET_UPLOADED' } })
    expect(await alice.getOld(`thumbnail/${id}?width=1&height=1&timeout_ms=20`)).toMatchObject({ status: 504 })
    const waiting = Promise.all([alice.get(`download/${id}?timeout_ms=60000`), alice.getOld(`download/${id}`)])
    await fill(alice, id)
    expect((await waiting).map(({ status, bytes }) => [status, bytes.toString()])).toEqual([
      [200, 'late'],
      [200, 'late'],
    ])
  })

  it('waits no longer than the server allows, and is answered when the server stops', async () => {
    const clock = new SteppedClock()
    await using homeserver = await startHomeserver({ clock })
    const alice = await mediaUser(homeserver, 'alice')
    const { id } = await announce(alice)
    const settled: number[] = []
    const waiting = alice.get(`download/${id}?timeout_ms=99999999`).then(({ status }) => settled.push(status))
    while (settled.length === 0) {
      clock.advance(10_000)
      await alice.client.get('/v3/account/whoami')
    }
    await waiting
    expect(settled).toEqual([504])
  })

  it('finds nothing once the time for it is over, nor can it be filled, and others may be announced', async () => {
    const clock = new SteppedClock()
    const media = { pendingUploads: 1, pendingLifetime: '1h' }
    await using homeserver = await startHomeserver({ clock, settings: { media } })
    const alice = await mediaUser(homeserver, 'alice')
    const { id, expiresAt } = await announce(alice)
    expect(Math.abs(expiresAt - clock.nowMs() - 3_600_000)).toBeLessThan(60_000)
    clock.advance(3_600_001)
    expect(await alice.get(`download/${id}`)).toMatchObject({ status: 404, json: { errcode: 'M_NOT_FOUND' } })
    expect(await fill(alice, id)).toMatchObject({ status: 404, json: { errcode: 'M_NOT_FOUND' } })
    const next = await announce(alice)
    expect((await fill(alice, next.id)).status).toBe(200)
    clock.advance(3_600_001)
    expect((await alice.get(`download/${next.id}`)).status).toBe(200)
  })
})

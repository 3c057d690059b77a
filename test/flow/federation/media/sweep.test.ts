import { expect, it } from 'vitest'
import { FederationPeer } from '../../../support/federation-peer/peer.ts'
import { startFederation } from '../../../support/federation-servers.ts'
import type { DatabaseKind } from '../../../support/homeserver.ts'
import { SteppedClock } from '../../../support/stepped-clock.ts'
import { mediaUser, storedFiles } from '../../media/fixture.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A server that has any file: 100 bytes that begin with its name, or the same ones where the name says so. */
const start = async (media: Record<string, unknown>, database: DatabaseKind = 'sqlite') => {
  const peer = await FederationPeer.start()
  let asked = 0
  peer.on('GET', '/_matrix/federation/v1/media/download/:id', ({ params: { id = '' } }, response) => {
    asked++
    const text = (id.startsWith('same') ? 'same' : id).padEnd(100, '.')
    response.writeHead(200, { 'content-type': 'multipart/mixed; boundary=b' })
    response.end(`--b\r\n\r\n{}\r\n--b\r\nContent-Type: text/plain\r\n\r\n${text}\r\n--b--`)
    return undefined
  })
  const clock = new SteppedClock()
  const servers = await startFederation({
    names: ['first.example'],
    others: [{ serverName: peer.name, address: peer.address }],
    setup: { clock },
    database,
    settings: { media },
  })
  const homeserver = servers.at(0)
  const alice = await mediaUser(homeserver, 'alice')
  return {
    ...{ homeserver, clock, alice },
    asked: () => asked,
    get: async (id: string): Promise<string> => (await alice.get(`download/${peer.name}/${id}`)).bytes.toString(),
    files: () => storedFiles(homeserver).length,
    [Symbol.asyncDispose]: async () => {
      await servers[Symbol.asyncDispose]()
      await peer[Symbol.asyncDispose]()
    },
  }
}

const databases = process.env.HOMEROOM_TEST_POSTGRES ? (['sqlite', 'postgres'] as const) : (['sqlite'] as const)

it.each(databases)(
  'copies that nobody asks for any more go, with their files, and come back when asked for (%s)',
  async (database) => {
    await using house = await start({ remoteLifetime: '10d' }, database)
    const { clock, alice, get, files, asked } = house
    for (const id of ['one', 'two', 'same1', 'same2']) await get(id)
    // The bytes of two copies, and of an upload, are one file.
    await alice.upload(Buffer.from('same'.padEnd(100, '.')))
    expect([files(), asked()]).toEqual([3, 4])
    clock.advance(6 * DAY_MS)
    expect(await get('one')).toContain('one')
    clock.advance(6 * DAY_MS)
    // A lease that ran out meanwhile is taken again after a while.
    const later = (): number => {
      clock.advance(20_000)
      return files()
    }
    await expect.poll(later, { timeout: 10_000 }).toBe(2)
    expect(await get('one')).toContain('one')
    expect(asked()).toBe(4)
    expect(await get('two')).toContain('two')
    expect(await get('same1')).toContain('same')
    expect([asked(), files()]).toEqual([6, 3])
  },
)

it('the copies longest unused go where all together take too much space', async () => {
  await using house = await start({ remoteStorage: '1KiB', remoteLifetime: 'never' })
  const { clock, get, files, asked } = house
  for (let n = 0; n < 15; n++) {
    await get(`file${n}`)
    // Later ones are used later.
    clock.advance(1_000)
  }
  expect(files()).toBe(15)
  clock.advance(HOUR_MS)
  await expect.poll(files, { timeout: 10_000 }).toBe(10)
  const before = asked()
  for (let n = 5; n < 15; n++) await get(`file${n}`)
  expect(asked()).toBe(before)
  await get('file0')
  expect(asked()).toBe(before + 1)
})

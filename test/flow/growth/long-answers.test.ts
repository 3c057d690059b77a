import { readFileSync, rmSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { type Json, TestClient } from '../../support/client.ts'
import { longestStepMs } from '../../support/event-loop.ts'
import { startHomeserver } from '../../support/homeserver.ts'
import { scratchFolder } from '../../support/scratch.ts'
import { CHEAP_PASSWORDS, ServerProcess } from '../../support/server-process.ts'

const MEBIBYTE = 1024 * 1024
const enc = encodeURIComponent

const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one()
})

const memoryOf = (server: ServerProcess, name: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) * 1024

/** Asks for a first sync and reads it to its end. */
const firstSync = async (
  client: TestClient,
  url: string,
): Promise<{ status: number; bytes: number; wait: string | null }> => {
  const headers = { authorization: `Bearer ${client.accessToken}` }
  const response = await fetch(`${url}/_matrix/client/v3/sync`, { headers })
  let bytes = 0
  for await (const chunk of response.body ?? []) bytes += chunk.length
  return { status: response.status, bytes, wait: response.headers.get('retry-after') }
}

describe.runIf(process.platform === 'linux')('memory', () => {
  it('60 parallel first syncs of an account with 60 MB of account data do not run out of memory', async () => {
    const dataFolder = scratchFolder('parallel')
    undo.push(async () => rmSync(dataFolder, { recursive: true, force: true }))
    const server = new ServerProcess({ dataFolder, env: CHEAP_PASSWORDS })
    undo.push(() => server.kill())
    const url = await server.ready()
    const alice = new TestClient(url)
    await alice.register('alice')
    const text = 'x'.repeat(500_000)
    const path = `/v3/user/${enc(alice.userId)}/account_data`
    for (let entry = 0; entry < 120; entry++) await alice.put(`${path}/org.example.${entry}`, { text })
    const idle = memoryOf(server, 'VmRSS')
    const answers = await Promise.all(Array.from({ length: 60 }, () => firstSync(alice, url)))
    // Eight answers held whole would be 480 MiB of text and as much of bytes. What is in use at a time is a tenth of that; the collector leaves up to 370
    // MiB of texts that were sent, the more the busier the machine is.
    expect(memoryOf(server, 'VmHWM') - idle).toBeLessThan(450 * MEBIBYTE)
    const [done, refused] = [
      answers.filter(({ status }) => status === 200),
      answers.filter(({ status }) => status !== 200),
    ]
    // As many as are sent at once; on a fast machine others find room before they have waited too long.
    expect(done.length).toBeGreaterThanOrEqual(8)
    for (const { bytes } of done) expect(bytes).toBeGreaterThan(60_000_000)
    // This process reads hundreds of megabytes, and may be late with a request.
    for (const { status, wait } of refused) if (status !== 408) expect([status, wait]).toEqual([429, '5'])
    expect((await alice.get('/v3/account/whoami')).user_id).toBe(alice.userId)
  }, 240_000)
})

describe('the event loop', () => {
  it('is not held up by an incremental sync of 3,000 state entries of 5 KB', async () => {
    await using homeserver = await startHomeserver()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const { next_batch: since } = await bob.sync()
    const content = { text: 'x'.repeat(5_000) }
    for (let made = 0; made < 3_000; made += 50) {
      const keys = Array.from({ length: 50 }, (_, index) => `key ${made + index}`)
      await Promise.all(keys.map((key) => alice.setState(roomId, 'org.example.state', key, content)))
    }
    const headers = { authorization: `Bearer ${bob.accessToken}` }
    const chunks: Uint8Array[] = []
    const longest = await longestStepMs(async () => {
      const response = await fetch(`${homeserver.url}/_matrix/client/v3/sync?since=${since}`, { headers })
      for await (const chunk of response.body ?? []) chunks.push(chunk)
    })
    const room = JSON.parse(Buffer.concat(chunks).toString()).rooms.join[roomId]
    const keys = [...room.state.events, ...room.timeline.events].map(({ state_key }: Json) => state_key)
    expect(new Set(keys).size).toBe(3_000)
    // A step is some milliseconds; collection of garbage adds to it.
    expect(longest).toBeLessThan(100)
  }, 120_000)
})

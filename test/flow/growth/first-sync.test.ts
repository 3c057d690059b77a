import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { GrownRows } from '../../../bench/growth/rows.ts'
import { TestClient } from '../../support/client.ts'
import { startHomeserver } from '../../support/homeserver.ts'
import { scratchFolder } from '../../support/scratch.ts'
import { CHEAP_PASSWORDS, ServerProcess } from '../../support/server-process.ts'
import { cpuMsOf, grow } from './grown.ts'

const MEBIBYTE = 1024 * 1024
const enc = encodeURIComponent
const LAZY = enc(JSON.stringify({ room: { state: { lazy_load_members: true } } }))

const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one()
})

/** Reads the whole answer; returns its length. */
const firstSync = async (url: string, client: TestClient): Promise<number> => {
  const headers = { authorization: `Bearer ${client.accessToken}` }
  const response = await fetch(`${url}/_matrix/client/v3/sync?filter=${LAZY}`, { headers })
  let bytes = 0
  for await (const chunk of response.body ?? []) bytes += chunk.length
  expect(response.status).toBe(200)
  return bytes
}

/** A public room with some talk in it. */
const newRoom = async (alice: TestClient, members: readonly TestClient[]): Promise<string> => {
  const roomId = await alice.createRoom({ preset: 'public_chat', name: 'One of many' })
  for (const member of members) await member.join(roomId)
  for (let sent = 0; sent < 10; sent++) await alice.sendText(roomId, `message ${sent}`)
  return roomId
}

it('a first sync costs the same for each room, however many there are', async () => {
  await using homeserver = await startHomeserver()
  const alice = await homeserver.register('alice')
  const bob = await homeserver.register('bob')
  const carol = await homeserver.register('carol')
  const [ofBob, ofCarol] = [await newRoom(alice, [bob]), await newRoom(alice, [carol])]
  await grow(homeserver, (rows) => {
    rows.copyRoom(ofBob, 1_500)
    rows.copyRoom(ofCarol, 150)
  })
  const costOf = async (client: TestClient): Promise<number> => {
    const costs: number[] = []
    for (let round = 0; round < 3; round++) {
      // What was read before is in memory only as far as it fits, which is cheaper for few rooms.
      await homeserver.restart()
      costs.push(await cpuMsOf(() => firstSync(homeserver.url, client)))
    }
    return Math.min(...costs)
  }
  expect((await costOf(bob)) / (await costOf(carol))).toBeLessThan(10 * 1.5)
}, 120_000)

describe.runIf(process.platform === 'linux')('memory', () => {
  it('a first sync of 5,000 rooms is streamed, and its peak does not grow with their number', async () => {
    const dataFolder = scratchFolder('first-sync')
    undo.push(async () => rmSync(dataFolder, { recursive: true, force: true }))
    const start = async (): Promise<ServerProcess> => {
      const server = new ServerProcess({ dataFolder, env: CHEAP_PASSWORDS })
      undo.push(() => server.kill())
      await server.ready()
      return server
    }
    let server = await start()
    const [alice, bob] = [new TestClient(() => server.url), new TestClient(() => server.url)]
    await alice.register('alice')
    await bob.register('bob')
    const room = await newRoom(alice, [bob])
    await server.terminate()
    const rows = new GrownRows(join(dataFolder, 'homeroom.sqlite'))
    rows.copyRoom(room, 5_000)
    rows.close()
    server = await start()
    await bob.get('/v3/account/whoami')
    const memory = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) *
      1024
    const idle = memory('VmRSS')
    const bytes = await firstSync(server.url, bob)
    expect(bytes).toBeGreaterThan(10 * MEBIBYTE)
    // Before it was streamed: 300 MB and more, most of it the answer in its parts and the texts of its events.
    expect(memory('VmHWM') - idle).toBeLessThan(200 * MEBIBYTE)
  }, 240_000)
})

import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Json, TestClient } from '../support/client.ts'
import { scratchFolder } from '../support/scratch.ts'
import { CHEAP_PASSWORDS, ServerProcess } from '../support/server-process.ts'
import { pause, until } from './pause.ts'

const BANS = 250
const enc = encodeURIComponent

const dataFolder = scratchFolder('upgrades')
let server: ServerProcess
let alice: TestClient

const start = async (): Promise<void> => {
  server = new ServerProcess({ dataFolder, env: CHEAP_PASSWORDS })
  await server.ready()
}
beforeAll(async () => {
  await start()
  alice = new TestClient(() => server.url)
  await alice.register('alice')
})
afterAll(async () => {
  await server.kill()
  rmSync(dataFolder, { recursive: true, force: true })
})

const stateOf = (roomId: string): Promise<Json[]> => alice.get(`/v3/rooms/${enc(roomId)}/state`)
const joined = async (): Promise<string[]> => (await alice.get('/v3/joined_rooms')).joined_rooms
const ask = (roomId: string) =>
  alice.request('POST', `/v3/rooms/${enc(roomId)}/upgrade`, { body: { new_version: '12' } })

const oldRoom = async (): Promise<string> => {
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '10', name: 'Old' })
  for (let n = 0; n < BANS; n += 25)
    await Promise.all(
      Array.from({ length: 25 }, (_, at) => alice.ban(roomId, `@far${n + at}:elsewhere.example`, 'spam')),
    )
  return roomId
}

/** The room that the tombstone names, once it is open; undefined if there is no tombstone. */
const replacementOf = async (old: string): Promise<string | undefined> => {
  const tombstone = (await stateOf(old)).find(({ type }) => type === 'm.room.tombstone')
  if (tombstone === undefined) return undefined
  const roomId = tombstone.content.replacement_room
  await until('the upgrade that was cut off is completed', 20_000, async () =>
    (await alice.getState(old, 'm.room.power_levels')).invite === 50 ? true : undefined,
  )
  return roomId
}

it.each([0, 2, 5, 10, 20, 40, 80, 120, 160, 250])(
  'an upgrade cut off after %i ms has changed nothing, or is completed after the start or by the same request again',
  async (afterMs) => {
    const old = await oldRoom()
    const before = await joined()
    const answered = ask(old).catch(() => undefined)
    await pause(afterMs)
    await server.kill()
    await answered
    await start()
    const found = await replacementOf(old)
    expect(await joined()).toHaveLength(before.length + (found === undefined ? 0 : 1))
    const { status, body } = await ask(old)
    expect(status).toBe(200)
    if (found !== undefined) expect(body.replacement_room).toBe(found)
    const state = await stateOf(body.replacement_room)
    expect(state.filter(({ content }) => content.membership === 'ban')).toHaveLength(BANS)
    const content = (type: string) => state.find((event) => event.type === type)?.content
    expect(content('m.room.join_rules')).toEqual({ join_rule: 'public' })
    expect(content('m.room.name')).toEqual({ name: 'Old' })
    expect(content('m.room.power_levels').users).toEqual({})
    expect(await joined()).toHaveLength(before.length + 1)
  },
  60_000,
)

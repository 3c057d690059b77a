import { rmSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { TestClient } from '../support/client.ts'
import { scratchFolder } from '../support/scratch.ts'
import { CHEAP_PASSWORDS, ServerProcess } from '../support/server-process.ts'

const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one()
})

it('a profile that was answered reaches all rooms although the server is killed right after', async () => {
  const dataFolder = scratchFolder('profiles')
  undo.push(async () => rmSync(dataFolder, { recursive: true, force: true }))
  const start = async (): Promise<ServerProcess> => {
    const server = new ServerProcess({ dataFolder, env: CHEAP_PASSWORDS })
    undo.push(() => server.kill())
    await server.ready()
    return server
  }
  let server = await start()
  const alice = new TestClient(() => server.url)
  await alice.register('alice')
  const rooms: string[] = []
  for (let made = 0; made < 80; made++) rooms.push(await alice.createRoom())
  const path = `/v3/profile/${encodeURIComponent(alice.userId)}/displayname`
  await alice.put(path, { displayname: 'Alice' })
  await server.kill()
  server = await start()
  await alice.ownMember(rooms.at(-1) ?? '', ({ displayname }) => displayname === 'Alice')
  for (const roomId of rooms)
    expect((await alice.getState(roomId, 'm.room.member', alice.userId)).displayname).toBe('Alice')
}, 120_000)

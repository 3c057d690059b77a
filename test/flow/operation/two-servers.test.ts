import { expect, it } from 'vitest'
import { onPostgres } from '../../contract/databases.ts'
import type { Json } from '../../support/client.ts'
import { TwoProcesses } from '../../support/two-processes.ts'
import { TwoServers } from '../../support/two-servers.ts'

it('two homeservers have names, users and rooms of their own, and are found by their names', async () => {
  await using servers = await TwoServers.start({ second: { registration: { mode: 'closed' } } })
  const { first, second } = servers
  const alice = await first.register('alice')
  expect(alice.userId).toBe('@alice:first.example')
  await expect(second.register('alice')).rejects.toMatchObject({ status: 403 })

  const roomId = await alice.createRoom({ room_version: '10' })
  expect(roomId).toMatch(/:first\.example$/)
  expect((await second.client().request('GET', `/v3/directory/room/${encodeURIComponent(roomId)}`)).status).toBe(400)

  await first.restart()
  expect([...servers.addresses]).toEqual([
    ['first.example', first.url],
    ['second.example', second.url],
  ])
  for (const url of servers.addresses.values()) expect((await fetch(`${url}/_matrix/client/versions`)).status).toBe(200)
  expect(await alice.get('/v3/joined_rooms')).toEqual({ joined_rooms: [roomId] })
})

onPostgres('two processes of one homeserver', () => {
  it('have accounts, rooms and the signing key in common', async () => {
    await using two = await TwoProcesses.start()
    const [first, second] = await two.register('alice')
    const roomId = await first.createRoom()
    expect(await second.get('/v3/joined_rooms')).toEqual({ joined_rooms: [roomId] })
    const keys = await Promise.all(
      two.both.map(async ({ url }) => {
        const published: Json = await (await fetch(`${url}/_matrix/key/v2/server`)).json()
        return published.verify_keys
      }),
    )
    expect(Object.keys(keys[0])).toHaveLength(1)
    expect(keys[1]).toEqual(keys[0])
    await two.terminate()
    expect(two.errors).toBe('')
  })
})

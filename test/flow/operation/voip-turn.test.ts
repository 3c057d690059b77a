import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { startHomeserver } from '../../support/homeserver.ts'

const PATH = '/v3/voip/turnServer'
const turnUris = ['turn:turn.example.org:3478?transport=udp']

it('TURN servers get credentials for a time, made from the secret', async () => {
  const voip = { turnUris, turnSharedSecret: 'north', turnLifetime: '10m' }
  await using homeserver = await startHomeserver({ settings: { voip } })
  const alice = await homeserver.register('alice')
  const before = Math.floor(Date.now() / 1_000)
  const { username, password, uris, ttl } = await alice.get(PATH)
  expect([uris, ttl]).toEqual([turnUris, 600])
  const [until, ...name] = username.split(':')
  expect(name.join(':')).toBe(alice.userId)
  expect(Number(until)).toBeGreaterThanOrEqual(before + 600)
  expect(Number(until)).toBeLessThan(before + 700)
  expect(password).toBe(createHmac('sha1', 'north').update(username).digest('base64'))
})

it('TURN servers may have one name and password for everybody, and there may be none', async () => {
  const voip = { turnUris, turnUsername: 'all', turnPassword: 'of us' }
  await using homeserver = await startHomeserver({ settings: { voip } })
  const alice = await homeserver.register('alice')
  expect(await alice.get(PATH)).toEqual({ username: 'all', password: 'of us', uris: turnUris, ttl: 86_400 })

  await using plain = await startHomeserver()
  const bob = await plain.register('bob')
  // Not through the client: the specification has no answer for servers without TURN.
  const headers = { authorization: `Bearer ${bob.accessToken}` }
  const response = await fetch(`${plain.url}/_matrix/client${PATH}`, { headers })
  expect([response.status, await response.json()]).toEqual([200, {}])
})

it('TURN servers without credentials are a mistake in the configuration', async () => {
  await expect(startHomeserver({ settings: { voip: { turnUris } } })).rejects.toThrow('voip.turnUris')
})

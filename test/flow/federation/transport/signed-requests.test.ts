import { expect, it } from 'vitest'
import type { ServerName } from '#spec'
import { SignedPeer } from './signed-peer.ts'

const twoPeers = async () => {
  const addresses = new Map<string, string>()
  const one = await SignedPeer.start('one', { addresses })
  const two = await SignedPeer.start('two', { addresses })
  for (const { serverName, address } of [one, two]) addresses.set(serverName, address)
  return {
    one,
    two,
    addresses,
    [Symbol.asyncDispose]: async () => {
      await one[Symbol.asyncDispose]()
      await two[Symbol.asyncDispose]()
    },
  }
}

it('a request with a body is signed by the server that sends it and understood by the other', async () => {
  await using peers = await twoPeers()
  const { one, two } = peers
  const answer = await one.client.json(two.serverName, {
    method: 'PUT',
    path: '/_matrix/federation/v1/echo/w%C3%B6rd%2F1',
    query: { a: 'b c', list: ['1', 'ä'], none: undefined },
    body: { z: 1, a: { ü: ['\u2028', 'x"y\\'] } },
  })
  expect(answer).toEqual({ from: 'one.servers.example', body: { z: 1, a: { ü: ['\u2028', 'x"y\\'] } } })
})

it('a request without a body is signed too', async () => {
  await using peers = await twoPeers()
  const { one, two } = peers
  const path = '/_matrix/federation/v1/echo/word'
  expect(await one.client.json(two.serverName, { method: 'GET', path })).toEqual({ from: 'one.servers.example' })
})

it('a text that many requests share is sent and signed as it is', async () => {
  await using peers = await twoPeers()
  const { one, two } = peers
  const path = '/_matrix/federation/v1/echo/word'
  const answer = await one.client.json(two.serverName, { method: 'PUT', path, bodyJson: '{"a":1,"b":[2,3]}' })
  expect(answer).toEqual({ from: 'one.servers.example', body: { a: 1, b: [2, 3] } })
})

it('a server that is nowhere fails as unreachable, and says why', async () => {
  await using peers = await twoPeers()
  const { one, addresses } = peers
  addresses.set('gone.servers.example', '127.0.0.1:1')
  const asked = one.client.json('gone.servers.example' as ServerName, { method: 'GET', path: '/_matrix/key/v2/server' })
  await expect(asked).rejects.toMatchObject({ parts: { kind: 'unreachable', reason: /nothing listens/ } })
})

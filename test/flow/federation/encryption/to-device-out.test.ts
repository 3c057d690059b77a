import { expect, it } from 'vitest'
import type { Json } from '../../../support/client.ts'
import { withPeer } from './with-peer.ts'

const THEM = '@them:peer.example'
const BYTES = 65_536

it('keys for many devices go in EDUs of at most 64 KiB, each device once, and one that is larger alone', async () => {
  await using both = await withPeer()
  const { peer, server } = both
  const alice = await server.register('alice')
  const devices: Json = Object.fromEntries(
    Array.from({ length: 300 }, (_, n) => [`D${n}`, { n, text: 'ä'.repeat(500) }]),
  )
  devices.LARGE = { text: 'x'.repeat(65_000) }
  devices.FLOAT = { n: 0.5 }
  const messages = { [THEM]: devices, '@other:peer.example': { '*': { n: 'all' } } }
  await alice.put('/v3/sendToDevice/m.test/1', { messages })
  await peer.eduWhich(({ content }) => content.messages?.['@other:peer.example'] !== undefined)
  const edus = peer.receivedEdus('m.direct_to_device')
  const sent = new Map<string, Json>()
  for (const edu of edus) {
    const ofThem = Object.entries<Json>(edu.content.messages[THEM] ?? {})
    if (ofThem.length > 1) expect(Buffer.byteLength(JSON.stringify(edu))).toBeLessThanOrEqual(BYTES)
    for (const [deviceId, content] of ofThem) {
      expect(sent.has(deviceId)).toBe(false)
      sent.set(deviceId, content)
    }
    expect(edu.content).toMatchObject({ sender: alice.userId, type: 'm.test' })
    expect(edu.content.message_id).toMatch(/^[\w-]{32}$/)
  }
  // No server could sign what has such a number.
  const { FLOAT: _, ...signable } = devices
  expect(Object.fromEntries(sent)).toEqual(signable)
  expect(new Set(edus.map(({ content }) => content.message_id)).size).toBe(edus.length)
  expect(edus.length).toBeLessThan(10)
})

import { expect, it } from 'vitest'
import type { ServerName } from '#spec'
import { type ServerKeyRecord, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const PEER = 'peer.example' as ServerName

const key = (keyId: string, changes: Partial<ServerKeyRecord> = {}): ServerKeyRecord => ({
  ...{ server: PEER, keyId, publicKey: `bytes of ${keyId}`, validUntilMs: 2 ** 42, expired: false, answerJson: '{}' },
  ...changes,
})

onEveryDatabase('keys of other servers', (open) => {
  it('are kept by server and id, in their newest state', async () => {
    const store = await open()
    await store.commit([writers.serverKeys.put([key('ed25519:a'), key('ed25519:b')])])
    await store.commit([writers.serverKeys.put([key('ed25519:a', { server: 'other.example' as ServerName })])])
    const changed = key('ed25519:a', { validUntilMs: 7, expired: true, answerJson: '{"new":1}' })
    await store.commit([writers.serverKeys.put([changed])])
    const found = await store.serverKeys.serverKeys(PEER)
    expect([...found].sort((one, other) => (one.keyId < other.keyId ? -1 : 1))).toEqual([changed, key('ed25519:b')])
    expect(await store.serverKeys.serverKeys('unknown.example' as ServerName)).toEqual([])
  })

  it('keep their bytes', async () => {
    const store = await open()
    await store.commit([writers.serverKeys.put([key('ed25519:a')])])
    await store.commit([writers.serverKeys.put([key('ed25519:a', { publicKey: 'other bytes', validUntilMs: 9 })])])
    expect(await store.serverKeys.serverKeys(PEER)).toEqual([key('ed25519:a')])
  })
})

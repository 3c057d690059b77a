import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { TestClient } from '../../../support/client.ts'
import { FederationPeer } from '../../../support/federation-peer/peer.ts'
import { serveRoom } from '../../../support/federation-peer/resident.ts'
import { joinRoom } from '../../../support/federation-peer/visitor.ts'
import { ownAddress, writeTlsFiles } from '../../../support/federation-servers.ts'
import { scratchFolder } from '../../../support/scratch.ts'
import { ServerProcess } from '../../../support/server-process.ts'
import { HERE, text, untilBody } from './scene.ts'

it('what was acknowledged is taken after the process was killed', async () => {
  await using peer = await FederationPeer.start()
  const tls = writeTlsFiles()
  const folder = scratchFolder('staged')
  const { host, port } = await ownAddress()
  peer.knows(HERE, `${host}:${port}`)
  const start = (): Promise<ServerProcess> =>
    started(
      new ServerProcess({
        dataFolder: folder,
        env: {
          HOMEROOM_SERVER_NAME: HERE,
          HOMEROOM_HOST: host,
          HOMEROOM_TLS_PORT: `${port}`,
          HOMEROOM_TLS_CERT: tls.cert,
          HOMEROOM_TLS_KEY: tls.key,
          HOMEROOM_FEDERATION_CA: tls.ca,
          HOMEROOM_FEDERATION_ADDRESSES: `peer.example=${peer.address}`,
        },
      }),
    )
  let server = await start()
  try {
    const alice = new TestClient(() => server.url)
    await alice.register('alice')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const room = await joinRoom(peer, HERE, roomId)
    serveRoom(peer, room)
    const bodies: string[] = []
    for (let round = 0; round < 3; round++) {
      const sent = Array.from({ length: 20 }, (_, at) => `${round} ${at}`)
      const events = sent.map((body) => room.send(text(body)).pdu)
      const answer = await peer.sendTransaction(HERE, events)
      expect(answer.status).toBe(200)
      await server.kill()
      server = await start()
      bodies.push(...sent)
      expect(await untilBody(alice, roomId, `${round} 19`)).toEqual(bodies)
    }
  } finally {
    await server.kill()
    tls.discard()
    rmSync(folder, { recursive: true, force: true })
  }
})

const started = async (server: ServerProcess): Promise<ServerProcess> => {
  await server.ready()
  return server
}

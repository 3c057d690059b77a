import sharp from 'sharp'
import { expect, it } from 'vitest'
import type { TestClient } from '../support/client.ts'
import { BOTH_WAYS, withSynapse } from './synapse/pair.ts'

const png = (): Promise<Buffer> =>
  sharp({ create: { width: 640, height: 480, channels: 3, background: '#336699' } })
    .png()
    .toBuffer()

withSynapse('Homeroom and Synapse: media', (pair) => {
  for (const [owner, reader] of BOTH_WAYS) {
    const url = (name: typeof owner): string => (name === 'Homeroom' ? pair().homeroom.url : pair().synapse.url)
    const upload = async (
      client: TestClient,
      bytes: Uint8Array<ArrayBuffer>,
      type: string,
      name: string,
    ): Promise<string> => {
      const answer = await fetch(`${url(owner)}/_matrix/media/v3/upload?filename=${name}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${client.accessToken}`, 'content-type': type },
        body: bytes,
      })
      const { content_uri: uri } = (await answer.json()) as { content_uri: string }
      return uri.slice('mxc://'.length)
    }
    const download = (client: TestClient, path: string): Promise<Response> =>
      fetch(`${url(reader)}/_matrix/client/v1/media/${path}`, {
        headers: { authorization: `Bearer ${client.accessToken}` },
      })

    it(`of ${owner} is downloaded, whole and as a thumbnail, by ${reader}`, async () => {
      const alice = await pair().side(owner).register('alice')
      const bob = await pair().side(reader).register('bob')
      const bytes = new Uint8Array(await png())
      const place = await upload(alice, bytes, 'image/png', 'blue.png')
      const whole = await download(bob, `download/${place}`)
      expect(whole.status).toBe(200)
      expect(whole.headers.get('content-type')).toBe('image/png')
      expect(whole.headers.get('content-disposition')).toContain('blue.png')
      expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true)
      const small = await download(bob, `thumbnail/${place}?width=32&height=32&method=crop`)
      expect(small.status).toBe(200)
      const { width, height } = await sharp(Buffer.from(await small.arrayBuffer())).metadata()
      expect([width, height]).toEqual([32, 32])
      const text = await upload(alice, new Uint8Array(Buffer.from('plain')), 'text/plain', 'note.txt')
      expect(await (await download(bob, `download/${text}`)).text()).toBe('plain')
    })

    it(`that ${owner} does not have is not found by ${reader}`, async () => {
      const bob = await pair().side(reader).register('bob')
      const answer = await download(bob, `download/${pair().side(owner).serverName}/${'a'.repeat(24)}`)
      expect(answer.status).toBe(404)
    })
  }
})

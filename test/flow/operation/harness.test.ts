import { expect, it } from 'vitest'
import { onEveryHomeserver } from '../../support/homeserver.ts'

onEveryHomeserver('a homeserver of the tests', (start) => {
  it('serves, keeps its data over a restart, and is gone afterwards', async () => {
    const homeserver = await start()
    const { versions } = await homeserver.client().get('/versions')
    expect(versions).toContain('v1.1')
    await homeserver.restart()
    expect((await homeserver.client().request('GET', '/v3/capabilities')).status).toBe(401)
    const address = homeserver.url
    await homeserver.stop()
    await expect(fetch(address)).rejects.toThrow()
  })
})

import { describe, expect, it } from 'vitest'
import { shareHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'

const ADMIN_PATH = /^\/_(?:synapse|homeroom)\/admin\//
/** Whoever knows the shared secret of the server proves that in the body; and tools ask for the version before anybody has signed in. */
const WITHOUT_TOKEN = new Set(['/_synapse/admin/v1/register', '/_synapse/admin/v1/server_version'])

describe('every operation at the paths of administration', () => {
  const shared = shareHomeserver(startHomeserver, { settings: { registration: { guests: true } } })

  const operations = async () => {
    const { endpoints } = await shared()
    return endpoints.flatMap(({ method, paths }) =>
      paths.filter((path) => ADMIN_PATH.test(path) && !WITHOUT_TOKEN.has(path)).map((path) => ({ method, path })),
    )
  }

  it('is refused without a token, to people and to guests, whatever it is asked', async () => {
    const server = await shared()
    const user = await server.register('ordinary')
    const guest = server.client()
    guest.accessToken = (
      await guest.ok('POST', '/v3/register', { query: { kind: 'guest' }, body: {}, token: null })
    ).access_token
    const all = await operations()
    expect(all.length).toBeGreaterThan(30)
    for (const { method, path } of all) {
      const asked = path.replaceAll(/:\w+/g, encodeURIComponent(user.userId))
      const title = `${method} ${path}`
      // Neither the form of a request nor what it names may be looked at before.
      for (const body of method === 'GET' ? [undefined] : [{}, { nonsense: true }, '[']) {
        const options = body === undefined ? {} : { body }
        expect(await user.request(method, asked, { ...options, token: null }), title).toMatchObject({
          status: 401,
          body: { errcode: 'M_MISSING_TOKEN' },
        })
        expect(await user.request(method, asked, { ...options, token: 'nonsense' }), title).toMatchObject({
          status: 401,
          body: { errcode: 'M_UNKNOWN_TOKEN' },
        })
        expect(await user.request(method, asked, options), title).toMatchObject({
          status: 403,
          body: { errcode: 'M_FORBIDDEN' },
        })
        expect(await guest.request(method, asked, options), title).toMatchObject({
          status: 403,
          body: { errcode: 'M_GUEST_ACCESS_FORBIDDEN' },
        })
      }
    }
  })

  it('is refused to somebody who was an administrator, from the next request on', async () => {
    const server = await shared()
    const [first, second] = [await registerAdmin(server, 'first'), await registerAdmin(server, 'second')]
    const users = () => second.request('GET', '/_synapse/admin/v2/users')
    expect((await users()).status).toBe(200)
    await first.ok('PUT', `/_synapse/admin/v1/users/${second.userId}/admin`, { body: { admin: false } })
    expect(await users()).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
  })
})

import { createClient } from 'matrix-js-sdk'
import { describe, expect, it } from 'vitest'
import { GATES, NOT_BUILT, versionsWithout } from '#api'
import { startHomeserver } from '../support/homeserver.ts'
import { isOpenApiPresent, readOperations } from '../support/openapi.ts'

const numbers = (version: string): readonly number[] => version.slice(1).split('.').map(Number)
const isAfter = (one: string, other: string): boolean => {
  const [a, b] = [numbers(one), numbers(other)]
  return a[0] !== b[0] ? (a[0] ?? 0) > (b[0] ?? 0) : (a[1] ?? 0) > (b[1] ?? 0)
}
const documented = readOperations().filter(({ api }) => api === 'client-server')
const titles = new Set(documented.map(({ method, path }) => `${method} ${path}`))

/** Not for clients of people: none of them turns something on by these. */
const NOT_FOR_CLIENTS = [
  'GET /.well-known/matrix/policy_server',
  'GET /_matrix/client/v1/admin/lock/{userId}',
  'GET /_matrix/client/v1/admin/suspend/{userId}',
  // Answered as the specification says for a server without OAuth: see the test below.
  'GET /_matrix/client/v1/auth_metadata',
  'POST /_matrix/client/v1/appservice/{appserviceId}/ping',
  'PUT /_matrix/client/v1/admin/lock/{userId}',
  'PUT /_matrix/client/v1/admin/suspend/{userId}',
]

describe('/versions names what is true at this release', () => {
  it('ends before the first version of which something is not built that clients turn on by its name', async () => {
    await using homeserver = await startHomeserver()
    const { versions } = await homeserver.client().get('/versions')
    expect(versions).toEqual(versionsWithout(NOT_BUILT))
    const named = Object.keys(GATES).filter((version) => versions.includes(version))
    for (const version of named) {
      for (const operation of GATES[version] ?? []) expect(NOT_BUILT).not.toContain(operation)
    }
    const next = Object.keys(GATES).find((version) => !versions.includes(version))
    if (next !== undefined) expect(GATES[next]?.some((operation) => NOT_BUILT.includes(operation))).toBe(true)
    expect(versions.slice(0, 10)).toEqual(versionsWithout(Object.values(GATES).flat()))
    expect(versionsWithout([]).at(-1)).toBe('v1.19')
  })

  it('and says of OAuth, which is asked for from v1.15 on, that there is none', async () => {
    await using homeserver = await startHomeserver()
    const { status, body } = await homeserver.client().request('GET', '/v1/auth_metadata')
    expect([status, body.errcode]).toEqual([404, 'M_UNRECOGNIZED'])
    expect((await homeserver.client().get('/versions')).versions.at(-1)).toBe('v1.19')
  })

  it('and matrix-js-sdk turns on what is served, and nothing else', async () => {
    await using homeserver = await startHomeserver()
    const client = createClient({ baseUrl: homeserver.url })
    const isServed = (operation: string): boolean => !NOT_BUILT.includes(operation)
    const [relations = ''] = GATES['v1.3'] ?? []
    const [threads = ''] = GATES['v1.4'] ?? []
    const supported = await client.doesServerSupportThread()
    expect(supported.threads !== 0).toBe(isServed(relations))
    expect(supported.list !== 0).toBe(isServed(threads))
    expect(await client.doesServerSupportExtendedProfiles()).toBe(true)
    expect(await client.doesServerSupportUnstableFeature('org.matrix.msc2285.stable')).toBe(true)
  })

  it.skipIf(!isOpenApiPresent)(
    'and every later operation of the official data that is not built is a gate of its version',
    () => {
      const late = documented
        .filter(({ addedIn }) => addedIn !== '' && isAfter(`v${addedIn}`, 'v1.2'))
        .map(({ method, path, addedIn }) => ({ operation: `${method} ${path}`, version: `v${addedIn}` }))
        .filter(({ operation }) => NOT_BUILT.includes(operation) && !NOT_FOR_CLIENTS.includes(operation))
      for (const { operation, version } of late) expect(GATES[version]).toContain(operation)
      for (const operation of Object.values(GATES).flat()) expect(titles).toContain(operation)
    },
  )
})

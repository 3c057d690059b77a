import { expect, it } from 'vitest'
import { loadConfig } from '#config'
import type { Json } from '../../support/client.ts'
import type { TestHomeserver } from '../../support/homeserver.ts'
import { DEVICE_GRANT, startOAuth } from '../../support/oauth-app.ts'

const get = async (homeserver: TestHomeserver, path: string) => {
  const response = await fetch(`${homeserver.url}${path}`)
  return { status: response.status, headers: response.headers, body: (await response.json()) as Json }
}

it('tells clients all that they look for, at each path at which they look', async () => {
  await using homeserver = await startOAuth({ settings: { registration: { mode: 'token' } } })
  const stable = await homeserver.client().request('GET', '/v1/auth_metadata')
  const at = (path: string) => `${homeserver.url}${path}`
  expect(stable.body).toMatchObject({
    issuer: homeserver.url,
    authorization_endpoint: at('/oauth/authorize'),
    token_endpoint: at('/oauth/token'),
    revocation_endpoint: at('/oauth/revoke'),
    registration_endpoint: at('/oauth/clients'),
    device_authorization_endpoint: at('/oauth/device'),
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment'],
    grant_types_supported: ['authorization_code', 'refresh_token', DEVICE_GRANT],
    code_challenge_methods_supported: ['S256'],
    prompt_values_supported: ['create', 'none', 'login', 'consent', 'select_account'],
    account_management_uri: at('/account'),
    authorization_response_iss_parameter_supported: true,
  })
  expect(stable.body.account_management_actions_supported).toEqual(
    expect.arrayContaining([
      'org.matrix.profile',
      'org.matrix.devices_list',
      'org.matrix.device_view',
      'org.matrix.device_delete',
      'org.matrix.account_deactivate',
      'org.matrix.cross_signing_reset',
    ]),
  )
  const others = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']
  for (const path of others) {
    const { status, headers, body } = await get(homeserver, path)
    expect([path, status, headers.get('access-control-allow-origin')]).toEqual([path, 200, '*'])
    expect(body).toEqual(stable.body)
  }
  const old = await get(homeserver, '/_matrix/client/unstable/org.matrix.msc2965/auth_metadata')
  const { account_management_actions_supported: actions, ...rest } = old.body
  expect(stable.body).toMatchObject(rest)
  expect(actions).toEqual(expect.arrayContaining(['org.matrix.profile', 'org.matrix.session_end']))
  const issuer = await get(homeserver, '/_matrix/client/unstable/org.matrix.msc2965/auth_issuer')
  expect(issuer.body).toEqual({ issuer: homeserver.url })
})

it('speaks of new accounts only while there can be any', async () => {
  await using homeserver = await startOAuth({ settings: { registration: { mode: 'closed' } } })
  const { body } = await get(homeserver, '/_matrix/client/v1/auth_metadata')
  expect(body.prompt_values_supported).toEqual(['none', 'login', 'consent', 'select_account'])
})

it('is on where nobody can read along, unless the operator says otherwise', () => {
  const enabled = (publicBaseUrl: string | undefined, oauth: object = {}) => {
    const settings = { server: { publicBaseUrl }, oauth }
    return loadConfig({ file: { name: 'settings', text: JSON.stringify(settings) } }).oauth.enabled
  }
  const on = ['https://matrix.example', 'http://localhost:8008', 'http://127.0.0.1', 'http://[::1]:1']
  expect(on.map((url) => enabled(url))).toEqual([true, true, true, true])
  const off = [undefined, 'http://matrix.example', 'http://localhost.example', 'http://10.0.0.1']
  expect(off.map((url) => enabled(url))).toEqual([false, false, false, false])
  expect([
    enabled('https://matrix.example', { enabled: false }),
    enabled('http://10.0.0.1', { enabled: true }),
  ]).toEqual([false, true])
  expect(() => enabled(undefined, { enabled: true })).toThrow('server.publicBaseUrl: expected')
})

it('lets scripts of other sites ask its endpoints, and no other site show or read its pages', async () => {
  await using homeserver = await startOAuth()
  for (const path of ['/oauth/clients', '/oauth/token', '/oauth/revoke', '/oauth/device']) {
    const asked = await fetch(`${homeserver.url}${path}`, { method: 'OPTIONS' })
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    const refused = await fetch(`${homeserver.url}${path}`, { method: 'POST', body: '{' })
    expect([path, refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([path, 400, '*'])
  }
  for (const path of ['/oauth/authorize', '/account/sign-in']) {
    const page = await fetch(`${homeserver.url}${path}`)
    expect([path, page.headers.get('access-control-allow-origin')]).toEqual([path, null])
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(page.headers.get('cache-control')).toBe('no-store')
  }
})

import { expect, it } from 'vitest'
import type { Answer, TestClient } from '../../support/client.ts'
import { browserOf, OAuthApp, startOAuth } from '../../support/oauth-app.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { crossSigningKeys, uploadSigning, withPassword } from '../encryption/cross-signing-fixture.ts'

const PAGE = '/account/reset-identity'
const urlIn = ({ body }: Answer): string => body.params?.['m.oauth']?.url ?? ''
const again = (client: TestClient, keys: object, auth: object): Promise<Answer> =>
  uploadSigning(client, { ...keys, auth })

it('a session of OAuth replaces cross-signing keys once after its person allowed it on the page, for some minutes', async () => {
  const clock = new SteppedClock()
  await using homeserver = await startOAuth({ clock })
  const user = await homeserver.register('keeper')
  const app = await OAuthApp.register(homeserver)
  const { client, tokens } = await app.signIn(user)
  const first = await uploadSigning(client, crossSigningKeys(user.userId).body)
  expect(first.status).toBe(200)

  const keys = crossSigningKeys(user.userId).body
  const asked = await uploadSigning(client, keys)
  expect(asked.status).toBe(401)
  expect(asked.body.flows).toEqual([{ stages: ['m.oauth'] }, { stages: ['org.matrix.cross_signing_reset'] }])
  expect(urlIn(asked)).toBe(`${homeserver.url}/account?action=org.matrix.cross_signing_reset`)
  const { session } = asked.body
  // Not before, not by a password, and not by somebody else's yes.
  expect((await again(client, keys, { session })).status).toBe(401)
  expect((await withPassword(client, asked, keys)).status).toBe(401)
  const stranger = await browserOf(homeserver, await homeserver.register('stranger'))
  await stranger.act(await stranger.at(PAGE), PAGE)
  expect((await again(client, keys, { session })).status).toBe(401)

  const browser = await browserOf(homeserver, user)
  const page = await browser.open(urlIn(asked))
  expect(page.url).toBe(`${homeserver.url}${PAGE}`)
  const allowed = await browser.actAndFollow(page, PAGE)
  expect(allowed.text).toContain('Go back to your app')
  await homeserver.restart()
  expect((await again(client, keys, { session })).status).toBe(200)

  // Once: the next ones have to be allowed anew.
  const third = crossSigningKeys(user.userId).body
  const challenge = await uploadSigning(client, third)
  expect((await again(client, third, { session: challenge.body.session, type: 'm.oauth' })).status).toBe(401)
  await browser.act(await browser.at(PAGE), PAGE)
  clock.advance(11 * 60_000)
  client.accessToken = (await app.refresh(tokens.refresh_token)).body.access_token
  expect((await again(client, third, { session: challenge.body.session, type: 'm.oauth' })).status).toBe(401)
  const later = await browserOf(homeserver, user)
  await later.act(await later.at(PAGE), PAGE)
  const old = { session: challenge.body.session, type: 'org.matrix.cross_signing_reset' }
  expect((await again(client, third, old)).status).toBe(200)
})

it('a session of the legacy login proves it by its password as before', async () => {
  await using homeserver = await startOAuth()
  const client = await homeserver.register('classic')
  await uploadSigning(client, crossSigningKeys(client.userId).body)
  const keys = crossSigningKeys(client.userId).body
  const asked = await uploadSigning(client, keys)
  expect(asked.body.flows).toEqual([{ stages: ['m.login.password'] }])
  expect((await again(client, keys, { session: asked.body.session, type: 'm.oauth' })).status).toBe(401)
  expect((await withPassword(client, asked, keys)).status).toBe(200)
})

it('the fallback page of the stage is that page', async () => {
  await using homeserver = await startOAuth()
  const browser = await browserOf(homeserver, await homeserver.register('fallen'))
  for (const type of ['m.oauth', 'org.matrix.cross_signing_reset']) {
    const page = await browser.at(`/_matrix/client/v3/auth/${type}/fallback/web?session=x`)
    expect(page.url).toBe(`${homeserver.url}${PAGE}`)
  }
})

import { expect, it } from 'vitest'
import { browserOf, DEVICE_GRANT, OAuthApp, postForm, startOAuth } from '../../support/oauth-app.ts'
import { registerAdmin } from '../../support/operator.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const MINUTES = 60_000
const AGAIN = /\/account\/sign-in\?next=%2Foauth%2F.*&again=1$/

it('asks an administrator who they are anew before an app gets their power, at every way that gives it', async () => {
  const clock = new SteppedClock()
  await using homeserver = await startOAuth({ clock })
  const [admin, alice] = [await registerAdmin(homeserver, 'admin'), await homeserver.register('alice')]
  const app = await OAuthApp.register(homeserver)
  const scope = `${app.scope} urn:synapse:admin:*`
  const grant = async () => {
    const { body } = await postForm(homeserver, '/oauth/device', { client_id: app.clientId, scope })
    return { path: `/oauth/link?user_code=${body.user_code}`, code: String(body.device_code) }
  }
  const legacy = `/oauth/login?redirectUrl=${encodeURIComponent('https://app.example/')}`
  const browsers = { admin: await browserOf(homeserver, admin), alice: await browserOf(homeserver, alice) }
  // The forms were shown while the proof was new.
  const { path, code } = await grant()
  const ways = [app.path({ scope }), path, legacy]
  const forms = []
  for (const way of ways) forms.push(await browsers.admin.at(way))
  expect(forms.map(({ status }) => status)).toEqual([200, 200, 200])
  clock.advance(11 * MINUTES)
  for (const [index, way] of ways.entries()) {
    expect((await browsers.admin.at(way)).url, way).toMatch(AGAIN)
    const form = forms[index]
    if (form !== undefined)
      expect((await browsers.admin.submit(form, { decision: 'allow' })).location, way).toMatch(AGAIN)
    // Somebody without power can give none.
    expect((await browsers.alice.at(way)).status, way).toBe(200)
  }
  const asked = await app.token({ grant_type: DEVICE_GRANT, device_code: code })
  expect(asked.body.error).toBe('authorization_pending')
  // An app without that power needs no new proof.
  expect((await browsers.admin.at(app.path())).status).toBe(200)
})

import { generateKeyPairSync } from 'node:crypto'
import { expect, it } from 'vitest'
import { AccountBrowser } from '../../support/account-browser.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { freePort } from '../../support/other-servers/openid-provider.ts'
import { type Answer, IDP, type Request, SamlIdp } from '../../support/other-servers/saml-idp.ts'
import type { Page } from '../../support/plain-browser.ts'
import { headingOf } from '../../support/sign-in-house.ts'

const idp = new SamlIdp()
const isIdp = (url: string) => url.startsWith('https://idp.example/')

const start = async (over: Record<string, unknown> = {}): Promise<TestHomeserver> => {
  const port = await freePort()
  const publicBaseUrl = `http://127.0.0.1:${port}`
  return startHomeserver({ settings: { listen: { port }, server: { publicBaseUrl }, saml: idp.settings(over) } })
}

const begun = async (browser: AccountBrowser, query = ''): Promise<Request> => {
  const link = browser.links(await browser.at(`/account/sign-in${query}`)).get('Continue with SAML') ?? ''
  return idp.read((await browser.open(link, isIdp)).location ?? '')
}

/** As the provider's page does, with a form of another site: no cookies go along. */
const posted = (homeserver: TestHomeserver, request: Request, response: string): Promise<Response> =>
  fetch(`${homeserver.url}/_homeroom/sign-in/saml/acs`, {
    method: 'POST',
    body: new URLSearchParams({ SAMLResponse: response, RelayState: request.relayState }),
  })

const arrived = async (
  homeserver: TestHomeserver,
  browser: AccountBrowser,
  request: Request,
  answer: Answer,
): Promise<Page> => {
  const text = await (await posted(homeserver, request, idp.answer(request, answer))).text()
  const next = browser.goesOnTo({ text, url: '', status: 200, headers: new Headers(), location: undefined }) ?? ''
  return browser.open(next)
}

it('makes an account the first time, finds it again, and tells the provider what it needs', async () => {
  await using homeserver = await start()
  const browser = new AccountBrowser(homeserver)
  const request = await begun(browser, '?next=%2Fthere')
  expect(request).toMatchObject({
    acs: `${homeserver.url}/_homeroom/sign-in/saml/acs`,
    sp: `${homeserver.url}/_homeroom/sign-in/saml/metadata`,
    forced: false,
  })
  const page = await arrived(homeserver, browser, request, {})
  expect([headingOf(page), page.text.includes('value="ida"')]).toEqual(['Choose a user name', true])
  const made = await browser.submit(page, { username: 'ida' })
  expect([headingOf(made), browser.goesOnTo(made)]).toEqual(['You are signed in', '/there'])
  const other = new AccountBrowser(homeserver)
  expect(headingOf(await arrived(homeserver, other, await begun(other), {}))).toBe('You are signed in')
  expect((await other.at('/account')).text).toContain('@ida:localhost')
  expect((await begun(other, '?again=1')).forced).toBe(true)
  const metadata = await fetch(request.sp)
  expect(metadata.headers.get('content-type')).toContain('samlmetadata+xml')
  expect(await metadata.text()).toContain(request.acs)
  // Clients sign in by it too.
  const { flows } = await homeserver.client().get('/v3/login')
  expect(JSON.stringify(flows)).toContain('"id":"saml"')
})

it('believes nothing that was not signed for this request, this server and this time', async () => {
  await using homeserver = await start()
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const weak = ['http://www.w3.org/2000/09/xmldsig#rsa-sha1', 'http://www.w3.org/2000/09/xmldsig#sha1'] as const
  const bad: Readonly<Record<string, Answer>> = {
    'no signature': { signature: 'none' },
    'a signature by somebody else': { key },
    'a weak signature': { algorithms: weak },
    'a changed subject': { tamper: (xml) => xml.replace('>subject-1<', '>subject-2<') },
    'another issuer': { issuer: 'https://evil.example/' },
    'another audience': { audience: 'https://other.example/' },
    'another recipient': { recipient: 'https://other.example/acs' },
    'another request': { inResponseTo: '_another' },
    'an assertion of another request': { inResponseTo: '_another', outerInResponseTo: 'SAME' },
    'an old answer': { ageMs: 3_600_000 },
    'an answer of the future': { ageMs: -3_600_000 },
    'a name that does not last': { nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' },
    entities: { tamper: (xml) => `<!DOCTYPE r [<!ENTITY a "b">]>${xml}` },
    // The signed assertion is kept where nobody looks, and one of the attacker's own stands in its place.
    'a wrapped signature': {
      tamper: (xml) => {
        const assertion = /<saml:Assertion.*<\/saml:Assertion>/s.exec(xml)?.[0] ?? ''
        const forged = assertion
          .replace(/<(?:ds:)?Signature.*<\/(?:ds:)?Signature>/s, '')
          .replace(/ID="[^"]*"/, 'ID="_forged"')
          .replace('>subject-1<', '>victim<')
        return xml.replace(assertion, `${forged}<samlp:Extensions>${assertion}</samlp:Extensions>`)
      },
    },
    'a signature inside of a forged assertion': {
      tamper: (xml) => {
        const assertion = /<saml:Assertion.*<\/saml:Assertion>/s.exec(xml)?.[0] ?? ''
        const forged = assertion.replace(/ID="[^"]*"/, 'ID="_forged"').replace('>subject-1<', '>victim<')
        return xml.replace(
          assertion,
          forged.replace('</saml:Assertion>', `<saml:Advice>${assertion}</saml:Advice></saml:Assertion>`),
        )
      },
    },
    'two assertions': {
      tamper: (xml) =>
        xml.replace('</samlp:Response>', `${/<saml:Assertion.*<\/saml:Assertion>/s.exec(xml)?.[0]}</samlp:Response>`),
    },
  }
  for (const [name, answer] of Object.entries(bad)) {
    const browser = new AccountBrowser(homeserver)
    const request = await begun(browser)
    const outer = answer.outerInResponseTo === 'SAME' ? { outerInResponseTo: request.id } : {}
    const page = await arrived(homeserver, browser, request, { ...answer, ...outer })
    expect([name, page.status, headingOf(page)]).toEqual([name, 403, 'This sign-in could not be checked'])
    expect(browser.cookies.has('homeroom_session')).toBe(false)
  }
  for (const garbage of [
    '',
    'no Base64',
    Buffer.from('<a>').toString('base64'),
    'A'.repeat(100_000),
    Buffer.from('<a/>'.repeat(4_000)).toString('base64'),
  ]) {
    const browser = new AccountBrowser(homeserver)
    const request = await begun(browser)
    await posted(homeserver, request, garbage)
    const page = await browser.at(`/_homeroom/sign-in/callback?state=${request.relayState}`)
    expect(page.status).toBe(403)
  }
})

it('an answer counts once, in the browser that asked, and only if somebody asked', async () => {
  await using homeserver = await start()
  const browser = new AccountBrowser(homeserver)
  const request = await begun(browser)
  const response = idp.answer(request)
  const unasked = await posted(homeserver, { ...request, relayState: 'made-up' }, response)
  expect(unasked.status).toBe(400)
  await posted(homeserver, request, response)
  const callback = `/_homeroom/sign-in/callback?state=${request.relayState}`
  expect(headingOf(await new AccountBrowser(homeserver).at(callback))).toBe('This sign-in was begun elsewhere')
  expect(headingOf(await browser.at(callback))).toBe('Choose a user name')
  // The same again, and in another sign-in.
  expect((await posted(homeserver, request, response)).status).toBe(400)
  expect(headingOf(await browser.at(callback))).toBe('This sign-in has ended')
  const next = await begun(browser)
  await posted(homeserver, next, response)
  expect((await browser.at(`/_homeroom/sign-in/callback?state=${next.relayState}`)).status).toBe(403)
})

it('a whole response may be what is signed, where the operator says so; then an assertion alone is not enough', async () => {
  await using homeserver = await start({ signed: 'response' })
  const browser = new AccountBrowser(homeserver)
  const page = await arrived(homeserver, browser, await begun(browser), { issuer: IDP })
  expect(page.status).toBe(403)
})

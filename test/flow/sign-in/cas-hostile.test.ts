import { expect, it } from 'vitest'
import { casXml } from '../../support/other-servers/cas-server.ts'
import { withToken } from '../../support/sign-in-house.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { startCasHouse } from './cas-fixture.ts'

const success = (user: string, rest = ''): string =>
  `<cas:authenticationSuccess>${user}${rest}</cas:authenticationSuccess>`
const ann = '<cas:user>ann</cas:user>'
const failure = '<cas:authenticationFailure code="INVALID_TICKET">no</cas:authenticationFailure>'
const lol = `<!DOCTYPE lolz [<!ENTITY lol "lol">${Array.from({ length: 9 }, (_, at) => `<!ENTITY lol${at + 1} "${`&lol${at === 0 ? '' : at};`.repeat(10)}">`).join('')}]>`

const GARBAGE: Readonly<Record<string, string>> = {
  nothing: '',
  'no XML': '{"serviceResponse":{"authenticationSuccess":{"user":"ann"}}}',
  'a page': '<!doctype html><html><body><h1>Sign in</h1></body></html>',
  'another namespace': casXml(success(ann)).replace('http://www.yale.edu/tp/cas', 'urn:other'),
  'no verdict': casXml(''),
  'no user': casXml(success('')),
  'an empty user': casXml(success('<cas:user> </cas:user>')),
  'two users': casXml(success(`${ann}<cas:user>eve</cas:user>`)),
  'both verdicts': casXml(success(ann) + failure),
  'two verdicts': casXml(success(ann) + success(ann)),
  'a failure that holds a user': casXml(`<cas:authenticationFailure code="X">${ann}</cas:authenticationFailure>`),
  'a user elsewhere': casXml(success('', `<cas:attributes>${ann}</cas:attributes>`)),
  'a user outside': casXml(ann),
  'elements in the user': casXml(success('<cas:user>ann<cas:b>eve</cas:b></cas:user>')),
  'another root': `${casXml(failure)}${casXml(success(ann))}`,
  'a cut answer': casXml(success(ann)).slice(0, -20),
  'a proxy ticket': casXml(success(ann, '<cas:proxies><cas:proxy>https://p.example/</cas:proxy></cas:proxies>')),
  'a billion laughs': `${lol}${casXml(success('<cas:user>&lol9;</cas:user>'))}`,
  'a file of this machine': `<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>${casXml(success('<cas:user>&e;</cas:user>'))}`,
  depth: casXml('<a>'.repeat(5_000) + success(ann) + '</a>'.repeat(5_000)),
  'many elements': casXml(success(ann, '<a/>'.repeat(3_000))),
  'a long user': casXml(success(`<cas:user>${'a'.repeat(256)}</cas:user>`)),
  'a user with control characters': casXml(success('<cas:user>ann&#7;</cas:user>')),
}

it('of answers that are none, none opens anything', async () => {
  await using house = await startCasHouse({ cas: { chooseUserName: false } })
  for (const [what, body] of Object.entries(GARBAGE)) {
    house.server.lie = { body }
    const { status, token } = await house.come(house.login())
    expect([what, status, token]).toEqual([what, 401, ''])
  }
})

it('of what CAS servers say in several ways, each is understood', async () => {
  await using house = await startCasHouse({ cas: { chooseUserName: false } })
  const plain = casXml(success(ann)).replaceAll('cas:', '').replace('xmlns:cas', 'xmlns').replace(' cas=', ' xmlns=')
  const bodies = {
    'the default namespace': plain.replace(
      /<serviceResponse [^>]*>/,
      "<serviceResponse xmlns='http://www.yale.edu/tp/cas'>",
    ),
    'another prefix': casXml(success(ann)).replaceAll('cas:', 'c:').replace('xmlns:cas', 'xmlns:c'),
    CDATA: casXml(success('<cas:user><![CDATA[ann]]></cas:user>')),
    'comments, which do not cut names': casXml(success('<cas:user>a<!-- ! -->nn</cas:user>')),
    'an attribute named user': casXml(success(ann, '<cas:attributes><cas:user>eve</cas:user></cas:attributes>')),
  }
  for (const [what, body] of Object.entries(bodies)) {
    house.server.lie = { body }
    const { token } = await house.come(house.login())
    expect([what, ...(await withToken(house.homeserver, token))]).toEqual([what, 200, '@ann:localhost'])
  }
})

it('a CAS server that is down, in trouble, endless or silent is told of in words, in time', async () => {
  const clock = new SteppedClock()
  await using house = await startCasHouse({ cas: { chooseUserName: false }, clock })
  const { server } = house
  const outcome = async () => {
    const { status, text } = await house.come(house.login())
    return [status, text.includes('CAS cannot be reached')]
  }
  for (const lie of [
    { status: 503, body: 'busy' },
    { body: casXml('<cas:authenticationFailure code="INTERNAL_ERROR">oh</cas:authenticationFailure>') },
    { body: casXml(success(ann, `<!--${'x'.repeat(600_000)}-->`)) },
  ]) {
    server.lie = lie
    expect(await outcome()).toEqual([502, true])
  }
  server.lie = { status: 302, body: '' }
  expect((await house.come(house.login())).status).toBe(401)

  server.lie = 'silent'
  const asked = server.asked()
  const waiting = outcome()
  await asked
  clock.advance(10_001)
  expect(await waiting).toEqual([502, true])
  server.lie = undefined
  expect((await house.come(house.login())).status).toBe(200)
})

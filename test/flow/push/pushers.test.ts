import { expect, it } from 'vitest'
import { PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { pusherOf, pushersOf, setPusher } from '../../support/other-servers/push-gateway.ts'

const URL_OF_GATEWAY = 'https://push.example.org/_matrix/push/v1/notify'

const passwordOf = (client: TestClient) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: client.userId },
  password: PASSWORD,
})

const appIds = async (client: TestClient): Promise<readonly string[]> =>
  (await pushersOf(client)).map(({ app_id }) => app_id)

onEveryHomeserver('pushers', (start) => {
  const shared = shareHomeserver(start)
  it('are kept as they were said, one for each app and pushkey, and removed with kind null', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    expect(await pushersOf(alice)).toEqual([])
    const added = {
      ...{ enabled: true, 'org.matrix.msc3881.enabled': true },
      ...{ device_id: alice.deviceId, 'org.matrix.msc3881.device_id': alice.deviceId },
    }
    const said = pusherOf(URL_OF_GATEWAY, {
      profile_tag: 'xyz',
      data: { url: URL_OF_GATEWAY, format: 'event_id_only', 'org.example.own': { deep: [1] } },
    })
    await setPusher(alice, said)
    await setPusher(alice, { ...said, pushkey: 'other' })
    await setPusher(alice, { ...said, lang: 'de' })
    await homeserver.restart()
    expect(await pushersOf(alice)).toEqual([
      { ...said, ...added, lang: 'de' },
      { ...said, ...added, pushkey: 'other' },
    ])
    const { app_id, pushkey } = said
    await setPusher(alice, { kind: null, app_id, pushkey })
    await setPusher(alice, { kind: null, app_id, pushkey: 'unknown' })
    expect(await pushersOf(alice)).toEqual([{ ...said, ...added, pushkey: 'other' }])
  })

  it('of others with the same app and pushkey go, unless append is set', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    await setPusher(alice, pusherOf(URL_OF_GATEWAY))
    await setPusher(alice, pusherOf(URL_OF_GATEWAY, { pushkey: 'kept' }))
    await setPusher(bob, pusherOf(URL_OF_GATEWAY, { append: true }))
    expect((await pushersOf(alice)).length).toBe(2)
    await setPusher(bob, pusherOf(URL_OF_GATEWAY))
    expect((await pushersOf(alice)).map(({ pushkey }) => pushkey)).toEqual(['kept'])
    expect((await pushersOf(bob)).length).toBe(1)
  })

  it('are refused where they are not as the specification wants them', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const refused = async (extra: Record<string, unknown>) => {
      const body = { ...pusherOf(URL_OF_GATEWAY), ...extra }
      const answer = await alice.request('POST', '/v3/pushers/set', { body })
      return [answer.status, answer.body.errcode]
    }
    const atUrl = (url: unknown) => refused({ data: { url } })
    const invalid = [400, 'M_INVALID_PARAM']
    expect(await refused({ lang: undefined })).toEqual([400, 'M_MISSING_PARAM'])
    expect(await refused({ data: {} })).toEqual([400, 'M_MISSING_PARAM'])
    expect(await refused({ kind: 'email' })).toEqual(invalid)
    expect(await refused({ app_id: 'x'.repeat(65) })).toEqual(invalid)
    expect(await refused({ pushkey: 'é'.repeat(257) })).toEqual(invalid)
    expect(await refused({ pushkey: 'a\0' })).toEqual(invalid)
    expect(await atUrl('http://push.example.org/_matrix/push/v1/notify')).toEqual(invalid)
    expect(await atUrl('https://push.example.org/elsewhere')).toEqual(invalid)
    expect(await atUrl('https://user:word@push.example.org/_matrix/push/v1/notify')).toEqual(invalid)
    for (const host of [
      '127.0.0.1',
      '10.1.2.3',
      '[::1]',
      '[::ffff:192.168.0.1]',
      '[fd00::1]',
      '169.254.169.254',
      '0x7f.1',
    ])
      expect([host, ...(await atUrl(`https://${host}/_matrix/push/v1/notify`))]).toEqual([host, ...invalid])
    expect(await atUrl(5)).toEqual(invalid)
    expect(await pushersOf(alice)).toEqual([])
  })

  it('end with the device they were set on', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const phone = await alice.loginAgain()
    const tablet = await alice.loginAgain()
    await setPusher(alice, pusherOf(URL_OF_GATEWAY, { app_id: 'desk' }))
    await setPusher(phone, pusherOf(URL_OF_GATEWAY, { app_id: 'phone' }))
    await setPusher(tablet, pusherOf(URL_OF_GATEWAY, { app_id: 'tablet' }))
    await phone.post('/v3/logout')
    expect(await appIds(alice)).toEqual(['desk', 'tablet'])
    const body = { auth: passwordOf(alice), new_password: 'another long password' }
    await alice.post('/v3/account/password', body)
    expect(await appIds(alice)).toEqual(['desk'])
  })
})

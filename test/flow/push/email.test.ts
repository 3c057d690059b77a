import { expect, it } from 'vitest'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { pushersOf, setPusher } from '../../support/other-servers/push-gateway.ts'
import { addAddress, DELAY_MS, emailPusher, MailedHouse, unsubscribeLinkIn } from './email-fixture.ts'

onEveryHomeserver('mails of notifications', (start) => {
  it('go to a proved address of the account alone, and end with it', async () => {
    await using house = await MailedHouse.start(start)
    const { alice, bob, homeserver, mails } = house
    const refused = async (client: typeof alice, pushkey: string) => {
      const answer = await client.request('POST', '/v3/pushers/set', { body: emailPusher(pushkey) })
      return [answer.status, answer.body.errcode]
    }
    const notFound = [400, 'M_THREEPID_NOT_FOUND']
    expect(await refused(bob, 'alice@example.org')).toEqual(notFound)
    expect(await refused(alice, 'else@example.org')).toEqual(notFound)
    expect(await refused(alice, 'no address')).toEqual(notFound)
    await setPusher(alice, emailPusher('Alice@Example.ORG'))
    expect(await pushersOf(alice)).toMatchObject([
      { kind: 'email', pushkey: 'alice@example.org', app_id: 'm.email', lang: 'en', data: { brand: 'Chat' } },
    ])
    const root = await registerAdmin(homeserver, 'root')
    const listed = await root.get(`/_synapse/admin/v1/users/${encodeURIComponent(alice.userId)}/pushers`)
    expect(listed).toMatchObject({ total: 1, pushers: [{ kind: 'email', pushkey: 'alice@example.org' }] })
    // A device that goes leaves them.
    await (await alice.loginAgain()).post('/v3/logout/all')
    await alice.login(alice.userId)
    expect((await pushersOf(alice)).length).toBe(1)
    await setPusher(alice, { kind: null, app_id: 'm.email', pushkey: 'ALICE@example.org' })
    expect(await pushersOf(alice)).toEqual([])
    await addAddress(mails, homeserver, alice, 'second@example.org')
    await setPusher(alice, emailPusher('second@example.org'))
    await alice.post('/v3/account/3pid/delete', { medium: 'email', address: 'second@example.org' })
    expect(await pushersOf(alice)).toEqual([])
  })

  it('tell after a while what nobody has read, grouped by room, each event once', async () => {
    await using house = await MailedHouse.start(start)
    const { alice, bob, roomId, clock } = house
    await house.wish()
    const other = await bob.createRoom({ preset: 'private_chat', invite: [alice.userId] })
    await alice.join(other)
    const read = await bob.sendText(roomId, 'read at once')
    await alice.receipt(roomId, read)
    const gone = await bob.sendText(roomId, 'taken back')
    await bob.redact(roomId, gone)
    await bob.sendText(roomId, 'hello <b>alice</b>')
    const thread = { rel_type: 'm.thread', event_id: read }
    await bob.send(roomId, 'm.room.message', { msgtype: 'm.emote', body: 'waves', 'm.relates_to': thread })
    await bob.send(other, 'm.room.message', { msgtype: 'm.image', body: 'secret-name.png', url: 'mxc://localhost/x' })
    await house.passDelay()
    const { mail, to } = await house.digest(0)
    expect(to).toEqual(['alice@example.org'])
    expect(mail.subject).toBe('[Chat] 3 new messages in 2 rooms')
    expect(mail.text).toContain('== Mission Control ==\nbob: hello <b>alice</b>')
    expect(mail.text).toMatch(/\* bob waves\n {2}\([^)]*in a thread\)/)
    expect(mail.text).toContain('== A room with bob ==\nbob sent an image')
    for (const absent of ['read at once', 'taken back', 'secret-name']) expect(mail.text).not.toContain(absent)
    expect(mail.html).toContain('hello &#60;b&#62;alice&#60;/b&#62;')
    expect(mail.html).not.toMatch(/<img|<script|src=/i)
    expect(mail.text).toContain(`https://app.element.io/#/room/${encodeURIComponent(roomId)}`)
    // Events that were mailed are not mailed again, also not after a restart. Once the next one waits, it is stored that the mail server took the mail.
    await bob.sendText(roomId, 'one more')
    await clock.timerBetween(DELAY_MS - 60_000, DELAY_MS)
    await house.homeserver.restart()
    await house.passDelay()
    const next = await house.digest(1)
    expect(next.mail.subject).toBe('[Chat] A new message in Mission Control')
    expect(next.mail.text).not.toContain('hello')
  })

  it('say nothing of what was said in encrypted rooms, and nothing of ignored people', async () => {
    await using house = await MailedHouse.start(start)
    const { alice, bob, roomId, homeserver } = house
    await house.wish({ lang: 'de-AT', data: {} })
    const carol = await homeserver.register('carol')
    await carol.join(roomId)
    await alice.put(`/v3/user/${encodeURIComponent(alice.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: { [carol.userId]: {} },
    })
    await alice.setState(roomId, 'm.room.encryption', '', { algorithm: 'm.megolm.v1.aes-sha2' })
    await carol.sendText(roomId, 'ignored words')
    await bob.sendText(roomId, 'words in clear')
    await bob.send(roomId, 'm.room.encrypted', { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'AwgAEn' })
    await house.passDelay()
    const { mail } = await house.digest(0)
    expect(mail.subject).toBe(`[${homeserver.serverName}] 2 neue Nachrichten in Mission Control`)
    expect(mail.text).toContain('bob hat in diesem verschlüsselten Raum etwas gesendet')
    expect(mail.text).toContain('bob hat eine verschlüsselte Nachricht gesendet')
    expect(mail.text).not.toMatch(/words|carol|AwgAEn/)
    expect(mail.html).toContain('<html lang="de">')
  })

  it('come more rarely while nobody reads, at once again once somebody did, and never above the number of a day', async () => {
    await using house = await MailedHouse.start(start, { notificationsPerDay: 3 })
    const { alice, bob, roomId, clock } = house
    await house.wish()
    await bob.sendText(roomId, 'first')
    await house.passDelay()
    await house.digest(0)
    await bob.sendText(roomId, 'second')
    await house.passDelay()
    await house.digest(1)
    // Unread for the second time: six times as long.
    const third = await bob.sendText(roomId, 'third')
    await clock.timerBetween(5 * DELAY_MS, 6 * DELAY_MS)
    await alice.receipt(roomId, third)
    await bob.sendText(roomId, 'fourth')
    await house.passDelay()
    expect((await house.digest(2)).mail.text).not.toContain('third')
    await alice.receipt(roomId, await bob.sendText(roomId, 'fifth'))
    await bob.sendText(roomId, 'sixth')
    // The rest of the day in UTC, and a bit more: the clock of the day has whole milliseconds, that of timers has parts of them.
    const leftMs = 86_400_000 - (clock.nowMs() % 86_400_000) + 1_000
    await clock.timerBetween(leftMs - 60_000, leftMs)
    clock.advance(leftMs)
    expect((await house.digest(3)).mail.text).toContain('sixth')
  })

  it('are ended by the link in each, by people and by mail programs, without signing in', async () => {
    await using house = await MailedHouse.start(start)
    const { alice, bob, roomId } = house
    await house.wish()
    await bob.sendText(roomId, 'hello')
    await house.passDelay()
    const { mail } = await house.digest(0)
    const headers = new Map(mail.headers.map(({ key, value }) => [key, value]))
    expect(headers.get('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click')
    const link = unsubscribeLinkIn(house, mail.text ?? '')
    expect(unsubscribeLinkIn(house, headers.get('list-unsubscribe') ?? '')).toBe(link)
    const page = await fetch(link)
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('alice@example.org')])
    expect((await pushersOf(alice)).length).toBe(1)
    const wrong = await fetch(`${link.slice(0, -2)}AA`, { method: 'POST' })
    expect([wrong.status, (await pushersOf(alice)).length]).toEqual([403, 1])
    const body = new URLSearchParams({ 'List-Unsubscribe': 'One-Click' })
    expect((await fetch(link, { method: 'POST', body })).status).toBe(200)
    expect(await pushersOf(alice)).toEqual([])
    expect((await fetch(link, { method: 'POST', body })).status).toBe(200)
    expect((await fetch(link)).status).toBe(200)
  })

  it('are tried again where the mail server takes none, and end for an address that it refuses', async () => {
    await using house = await MailedHouse.start(start, { timeout: '12h' })
    const { alice, bob, roomId, mails } = house
    await house.wish()
    mails.mood = 'refuseMails'
    await bob.sendText(roomId, 'hello')
    await house.passDelay()
    await mails.refusals(1)
    await house.whileTimePasses(() => mails.refusals(2))
    mails.mood = 'accept'
    const { mail } = await house.whileTimePasses(() => house.digest(0))
    expect(mail.text).toContain('hello')
    mails.mood = 'refuseAddresses'
    const before = mails.refused
    await alice.receipt(roomId, await bob.sendText(roomId, 'again'))
    await bob.sendText(roomId, 'refused')
    await house.passDelay()
    await house.whileTimePasses(() => mails.refusals(before + 5))
    await expect.poll(() => pushersOf(alice)).toEqual([])
    expect(mails.refused).toBe(before + 5)
  })
})

import { expect, it, vi } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type StartHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { linkIn, MailServer, mailSettings, PUBLIC_URL, type ReceivedMail } from '../../support/other-servers/smtp.ts'
import { headingOf } from '../../support/sign-in-house.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { addAddress } from '../push/email-fixture.ts'

const DAY = 24 * 3_600_000
const ROUND = 607_000

/** A server that mails about ends, with an administrator and Alice, who has an address. */
class EndingHouse implements AsyncDisposable {
  readonly clock: SteppedClock
  readonly mails: MailServer
  readonly homeserver: TestHomeserver
  readonly root: TestClient
  readonly alice: TestClient
  private constructor(parts: Pick<EndingHouse, 'clock' | 'mails' | 'homeserver' | 'root' | 'alice'>) {
    this.clock = parts.clock
    this.mails = parts.mails
    this.homeserver = parts.homeserver
    this.root = parts.root
    this.alice = parts.alice
  }

  static async start(start: StartHomeserver, validity: Record<string, string> = {}): Promise<EndingHouse> {
    const [clock, mails] = [new SteppedClock(), await MailServer.start()]
    const accountValidity = { renewalPeriod: '90d', warnBefore: '7d', ...validity }
    const homeserver = await start({ clock, settings: { ...mailSettings(mails), accountValidity } })
    const root = await registerAdmin(homeserver, 'root')
    const alice = await homeserver.register('alice')
    const house = new EndingHouse({ clock, mails, homeserver, root, alice })
    await addAddress(mails, homeserver, alice, 'alice@example.org')
    return house
  }

  /** Sets the end of an account to so long from now. Returns it. */
  async endIn(user: TestClient, ms: number, more: Record<string, unknown> = {}): Promise<number> {
    const expiration_ts = this.clock.nowMs() + ms
    const body = { user_id: user.userId, expiration_ts, ...more }
    await this.root.ok('POST', '/_synapse/admin/v1/account_validity/validity', { body })
    return expiration_ts
  }

  /** The mails about ends of that account, in the order in which they came. */
  about({ userId }: TestClient): readonly ReceivedMail[] {
    return this.mails.received.filter(
      ({ mail: { text = '' } }) => text.includes('/_homeroom/email/renew') && text.includes(`account ${userId} `),
    )
  }

  /** The mail of that number about an account, counted from 0, once it is there. */
  async mail(user: TestClient, number = 0): Promise<ReceivedMail> {
    await vi.waitFor(() => expect(this.about(user).length).toBe(number + 1), { timeout: 10_000 })
    return this.about(user)[number] as ReceivedMail
  }

  /** Resolves when a round has ended lately, and the next one waits. */
  roundEnded(): Promise<void> {
    return this.clock.timerBetween(ROUND - 6_500, ROUND)
  }

  /** Lets a round go by, of which one mail about somebody else tells. */
  async round(): Promise<void> {
    const name = `probe${this.mails.received.length}`
    const probe = await this.homeserver.register(name)
    await addAddress(this.mails, this.homeserver, probe, `${name}@example.org`)
    await this.endIn(probe, DAY)
    this.clock.advance(ROUND)
    await this.mail(probe)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.homeserver.stop()
    await this.mails[Symbol.asyncDispose]()
  }
}

const standing = async (user: TestClient) => (await user.request('GET', '/v3/account/whoami')).body.errcode ?? 'valid'
const heading = async (answer: Promise<Response>): Promise<string> => headingOf({ text: await (await answer).text() })
const post = (link: string) => fetch(link, { method: 'POST', redirect: 'manual' })

onEveryHomeserver('mails about accounts that end', (start) => {
  it('come once before each end, and their link renews the account once', async () => {
    await using house = await EndingHouse.start(start)
    const { alice, homeserver, clock } = house
    await house.endIn(alice, 20 * DAY)
    clock.advance(12 * DAY)
    await house.round()
    expect(house.about(alice)).toEqual([])
    clock.advance(2 * DAY)
    const first = await house.mail(alice)
    expect(first.to).toEqual(['alice@example.org'])
    expect(first.mail.subject).toMatch(/^Your account on localhost ends on \d+ \w+ \d{4} at \d\d:\d\d UTC$/)
    expect(first.mail.text).toContain(`${PUBLIC_URL}/_homeroom/email/renew?token=`)
    expect(first.mail.html).toContain('Renew the account</a>')
    await house.round()
    expect(house.about(alice).length).toBe(1)
    const link = linkIn(first, homeserver)
    // Opening the link, as programs that look into mails do, changes nothing.
    expect(await heading(fetch(link))).toBe('Renew your account?')
    clock.advance(10 * DAY)
    expect(await standing(alice)).toBe('ORG_MATRIX_EXPIRED_ACCOUNT')
    const format = { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' } as const
    const until = new Date(clock.nowMs() + 90 * DAY).toLocaleString('en-GB', format)
    for (const ask of [post, post, fetch])
      expect(await heading(ask(link))).toBe(`Your account is valid until ${until} UTC`)
    expect(await standing(alice)).toBe('valid')
    // The next end has a mail of its own.
    clock.advance(84 * DAY)
    expect(linkIn(await house.mail(alice, 1), homeserver)).not.toBe(link)
  })

  it('give somebody who renews ahead of time the whole period on top', async () => {
    await using house = await EndingHouse.start(start)
    const { alice, homeserver, clock } = house
    const end = await house.endIn(alice, 5 * DAY)
    clock.advance(ROUND)
    await post(linkIn(await house.mail(alice), homeserver))
    clock.advance(end + 89 * DAY - clock.nowMs())
    expect(await standing(alice)).toBe('valid')
    clock.advance(2 * DAY)
    expect(await standing(alice)).toBe('ORG_MATRIX_EXPIRED_ACCOUNT')
  })

  it('are neither lost nor repeated by restarts and by a mail server that takes none', async () => {
    await using house = await EndingHouse.start(start)
    const { alice, homeserver, clock, mails } = house
    mails.mood = 'refuseMails'
    await house.endIn(alice, 3 * DAY)
    clock.advance(ROUND)
    await mails.refusals(1)
    await homeserver.restart()
    await mails.refusals(2)
    // A mail under way when the clock jumps would have taken too long.
    await house.roundEnded()
    mails.mood = 'accept'
    clock.advance(ROUND)
    await house.mail(alice)
    await house.roundEnded()
    await homeserver.restart()
    await house.roundEnded()
    await house.round()
    expect(house.about(alice).length).toBe(1)
  })

  it('come not for an end that is over or is to have none, and an administrator takes a link back by another end', async () => {
    await using house = await EndingHouse.start(start)
    const { alice, homeserver, clock, mails } = house
    const bob = await homeserver.register('bob')
    await house.endIn(bob, DAY)
    const carol = await homeserver.register('carol')
    await addAddress(mails, homeserver, carol, 'carol@example.org')
    await house.endIn(carol, DAY, { enable_renewal_emails: false })
    await house.endIn(alice, -1)
    await house.round()
    for (const user of [alice, bob, carol]) expect(house.about(user)).toEqual([])
    await house.endIn(alice, DAY)
    clock.advance(ROUND)
    const link = linkIn(await house.mail(alice), homeserver)
    await house.endIn(alice, -1)
    await post(link)
    expect(await standing(alice)).toBe('ORG_MATRIX_EXPIRED_ACCOUNT')
    await house.root.ok('POST', `/_synapse/admin/v1/deactivate/${encodeURIComponent(alice.userId)}`, { body: {} })
    expect(await heading(post(link))).toBe('This link is not right')
  })

  it('renew nothing by a link that was not made here', async () => {
    await using house = await EndingHouse.start(start)
    const { homeserver, alice, clock } = house
    await house.endIn(alice, DAY)
    clock.advance(ROUND)
    const link = linkIn(await house.mail(alice), homeserver)
    const token = new URL(link).searchParams.get('token') ?? ''
    for (const wrong of ['', 'x', `${token.slice(0, -4)}AAAA`, `A${token}`, 'a'.repeat(250)]) {
      const answer = await post(`${homeserver.url}/_homeroom/email/renew?token=${wrong}`)
      expect([wrong, answer.status]).toEqual([wrong, 403])
      expect(await heading(Promise.resolve(answer))).toBe('This link is not right')
    }
    expect((await post(`${homeserver.url}/_homeroom/email/renew?token=${'a'.repeat(300)}`)).status).toBe(400)
    const page = await fetch(link)
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(await heading(Promise.resolve(page))).toBe('Renew your account?')
  })
})

import type { Body, TestClient } from '../../support/client.ts'
import { PASSWORD } from '../../support/client.ts'
import type { HomeserverSetup, StartHomeserver, TestHomeserver } from '../../support/homeserver.ts'
import { setPusher } from '../../support/other-servers/push-gateway.ts'
import { linkIn, MailServer, mailSettings, openLink, PUBLIC_URL } from '../../support/other-servers/smtp.ts'
import { whileTimePasses } from '../../support/passing-time.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

/** A time that no other timer of a server has, so that a test can tell it apart. */
export const DELAY_MS = 977_000

const DAY_MS = 86_400_000

export const emailPusher = (address: string, over: Body = {}): Body => ({
  kind: 'email',
  app_id: 'm.email',
  pushkey: address,
  app_display_name: 'Email Notifications',
  device_display_name: address,
  lang: 'en',
  data: { brand: 'Chat' },
  append: true,
  ...over,
})

/** Gives the account a proved address, by the mail that comes last. */
export const addAddress = async (mails: MailServer, homeserver: TestHomeserver, client: TestClient, email: string) => {
  const client_secret = 'secret'
  const { sid } = await client.post('/v3/account/3pid/email/requestToken', { client_secret, email, send_attempt: 1 })
  await openLink(linkIn(mails.last, homeserver))
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: client.userId }, password: PASSWORD }
  const question = await client.request('POST', '/v3/account/3pid/add', { body: { client_secret, sid } })
  await client.post('/v3/account/3pid/add', { client_secret, sid, auth: { ...auth, session: question.body.session } })
}

/** Alice, who has mails of what bob says in the room of the two, and the mail server they come to. */
export class MailedHouse implements AsyncDisposable {
  readonly clock = new SteppedClock()
  readonly mails: MailServer
  #homeserver: TestHomeserver | undefined
  #alice: TestClient | undefined
  #bob: TestClient | undefined
  roomId = ''
  /** Mails before the first that tells of something unread. */
  before = 0

  private constructor(mails: MailServer) {
    this.mails = mails
  }

  static async start(start: StartHomeserver, settings: Body = {}, setup: Omit<HomeserverSetup, 'database'> = {}) {
    const house = new MailedHouse(await MailServer.start())
    // Mails are counted by the day: none shall end within a test.
    house.clock.advance(DAY_MS - (house.clock.nowMs() % DAY_MS))
    const { mail, ...rest } = mailSettings(house.mails, { notificationDelay: '977s', ...settings })
    house.#homeserver = await start({ settings: { ...rest, mail }, clock: house.clock, ...setup })
    house.#alice = await house.homeserver.register('alice')
    house.#bob = await house.homeserver.register('bob')
    house.roomId = await house.alice.createRoom({ preset: 'public_chat', name: 'Mission Control' })
    await house.bob.join(house.roomId)
    await addAddress(house.mails, house.homeserver, house.alice, 'alice@example.org')
    house.before = house.mails.received.length
    return house
  }

  get homeserver(): TestHomeserver {
    if (this.#homeserver === undefined) throw new Error('not started')
    return this.#homeserver
  }

  get alice(): TestClient {
    if (this.#alice === undefined) throw new Error('not started')
    return this.#alice
  }

  get bob(): TestClient {
    if (this.#bob === undefined) throw new Error('not started')
    return this.#bob
  }

  wish(over: Body = {}): Promise<unknown> {
    return setPusher(this.alice, emailPusher('alice@example.org', over))
  }

  /** The digest of that number, counted from 0, once it came. */
  digest(number: number) {
    return this.mails.mail(this.before + number)
  }

  get digests(): number {
    return this.mails.received.length - this.before
  }

  /** Resolves once something unread waits, then lets its time come. */
  async passDelay(): Promise<void> {
    await this.clock.timerBetween(DELAY_MS - 60_000, DELAY_MS)
    this.clock.advance(DELAY_MS)
  }

  whileTimePasses<Result>(wait: () => Promise<Result>): Promise<Result> {
    return whileTimePasses(this.clock, { anybody: this.bob, stepMs: 10_000 }, wait)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#homeserver?.stop()
    await this.mails[Symbol.asyncDispose]()
  }
}

/** The link by which a mail ends mails, at the homeserver of the test. */
export const unsubscribeLinkIn = (house: MailedHouse, text: string): string => {
  const link = /https:\/\/chat\.example\/_homeroom\/email\/unsubscribe\?token=[\w-]+/.exec(text)?.[0]
  if (link === undefined) throw new Error(`no link in:\n${text}`)
  return link.replace(PUBLIC_URL, house.homeserver.url)
}

import { type MailServer, PUBLIC_URL } from '../support/other-servers/smtp.ts'
import type { Ledger } from './ledger.ts'
import { type Account, ANSWER_WITHIN_MS, enc, type Json, type Reply, type Wire } from './wire.ts'
import { type PendingPlan, RepeatingWriter } from './writers.ts'

/** Something of a person that holds the number of the last write. */
interface Holder {
  readonly name: string
  write(n: number): Promise<Reply | undefined>
  /** What may be there; undefined where nobody answers. */
  read(): Promise<readonly number[] | undefined>
}

/** What the server promised of it. */
interface Promised {
  acknowledged: number
  asked: number
}

const NO_GATEWAY = 'https://push.invalid/_matrix/push/v1/notify'

/** Sets what one person has beside rooms, now this, now that: a pusher, a presence list, a filter, a name. */
export class PersonalWriter extends RepeatingWriter<Holder> {
  readonly #account: Account
  readonly #holders: readonly Holder[]
  readonly #promised = new Map<Holder, Promised>()

  constructor(shared: { readonly wire: Wire; readonly ledger: Ledger }, account: Account, friends: readonly string[]) {
    super(shared.wire, shared.ledger)
    this.#account = account
    this.#holders = [this.#pusher(), this.#presenceList(friends), this.#filter(), this.#displayName()]
    for (const holder of this.#holders) this.#promised.set(holder, { acknowledged: 0, asked: 0 })
  }

  /** After a restart: no number below the last that was acknowledged, and none that nobody asked for. */
  async check(): Promise<void> {
    const { lost, faults } = this.ledger
    for (const [holder, { acknowledged, asked }] of this.#promised) {
      const stored = await holder.read()
      const isThere = stored?.some((n) => n >= acknowledged && n <= asked) === true
      if (isThere) continue
      const list = (stored?.length ?? 0) > 0 && stored?.every((n) => n > asked) === true ? faults : lost
      list.push(`the ${holder.name}: ${acknowledged} promised, ${asked} asked for, ${stored?.join()} stored`)
    }
  }

  protected plan(n: number): Holder {
    const holder = this.#holders[n % this.#holders.length]
    if (holder === undefined) throw new Error('there is nothing to set')
    this.#of(holder).asked += 1
    return holder
  }

  protected async ask(holder: Holder): Promise<boolean> {
    const promised = this.#of(holder)
    const reply = await holder.write(promised.asked)
    if (!this.ledger.judge(`the ${holder.name} ${promised.asked}`, reply)) return false
    promised.acknowledged = promised.asked
    this.ledger.personalWrites += 1
    return true
  }

  #of(holder: Holder): Promised {
    const promised = this.#promised.get(holder)
    if (promised === undefined) throw new Error('nothing is known of it')
    return promised
  }

  #ask(method: 'GET' | 'PUT' | 'POST', path: string, body?: unknown): Promise<Reply | undefined> {
    return this.wire.ask({ method, path, token: this.#account.token, body })
  }

  async #numbers(path: string, numbersIn: (body: Json) => readonly number[]): Promise<readonly number[] | undefined> {
    const reply = await this.#ask('GET', path)
    if (reply?.status === 404) return [0]
    return reply?.status === 200 ? numbersIn(reply.body) : undefined
  }

  #pusher(): Holder {
    const names = { app_display_name: 'crash', device_display_name: 'crash', lang: 'en' }
    const pusher = { ...names, kind: 'http', app_id: 'org.example.crash', pushkey: 'key', data: { url: NO_GATEWAY } }
    return {
      name: 'pusher',
      write: (n) => this.#ask('POST', '/v3/pushers/set', { ...pusher, app_display_name: String(n) }),
      read: () =>
        this.#numbers('/v3/pushers', ({ pushers }) =>
          pushers.length === 0 ? [0] : pushers.map((one: Json) => Number(one.app_display_name)),
        ),
    }
  }

  /** The friends on it are the bits of the number. */
  #presenceList(friends: readonly string[]): Holder {
    const path = `/r0/presence/list/${enc(this.#account.userId)}`
    const isOn = (n: number, bit: number): boolean => ((n >> bit) & 1) === 1
    return {
      name: 'presence list',
      write: (n) =>
        this.#ask('POST', path, {
          invite: friends.filter((_, bit) => isOn(n, bit)),
          drop: friends.filter((_, bit) => !isOn(n, bit)),
        }),
      read: async () => {
        const reply = await this.#ask('GET', path)
        if (reply?.status !== 200) return undefined
        const listed = new Set(reply.body.map((event: Json) => event.sender))
        const { acknowledged, asked } = this.#of(this.#named('presence list'))
        const fits = (n: number): boolean => friends.every((friend, bit) => isOn(n, bit) === listed.has(friend))
        return [acknowledged, asked].filter(fits)
      },
    }
  }

  #filter(): Holder {
    const path = `/v3/user/${enc(this.#account.userId)}/filter`
    let last: string | undefined
    return {
      name: 'filter',
      write: async (n) => {
        const reply = await this.#ask('POST', path, { room: { timeline: { limit: n } } })
        if (reply?.status === 200) last = reply.body.filter_id
        return reply
      },
      read: async () =>
        last === undefined ? [0] : this.#numbers(`${path}/${enc(last)}`, ({ room }) => [room.timeline.limit]),
    }
  }

  #displayName(): Holder {
    const path = `/v3/profile/${enc(this.#account.userId)}/displayname`
    return {
      name: 'display name',
      write: (n) => this.#ask('PUT', path, { displayname: String(n) }),
      read: () => this.#numbers(path, ({ displayname }) => [/^\d+$/.test(displayname) ? Number(displayname) : 0]),
    }
  }

  #named(name: string): Holder {
    const holder = this.#holders.find((one) => one.name === name)
    if (holder === undefined) throw new Error(`there is no ${name}`)
    return holder
  }
}

/**
 * Adds one e-mail address after another to an account, each proved by the link in a mail, and takes the one before away. Any of the
 * requests may be the one that is cut off.
 */
export class AddressWriter extends RepeatingWriter<string> {
  readonly #account: Account
  readonly #mails: MailServer
  readonly #url: () => string
  #last: string | undefined

  constructor(
    shared: { readonly wire: Wire; readonly ledger: Ledger },
    account: Account,
    mails: MailServer,
    url: () => string,
  ) {
    super(shared.wire, shared.ledger)
    this.#account = account
    this.#mails = mails
    this.#url = url
  }

  /** The last address that was acknowledged is there, and besides it at most the one asked for. */
  async check(): Promise<void> {
    const { lost, faults } = this.ledger
    const held = await this.#held()
    if (this.#last !== undefined && held?.includes(this.#last) !== true) {
      const isReplaced = this.pending !== undefined && held?.includes(this.pending) === true
      if (!isReplaced) lost.push(`the address ${this.#last}: ${held?.join()}`)
    }
    const known = [this.#last, this.pending]
    const strange = (held ?? []).filter((address) => !known.includes(address))
    if (strange.length > 0) faults.push(`nobody was told of the address ${strange.join()}`)
  }

  protected plan(n: number): string {
    return `crash${n}@example.org`
  }

  protected async ask(address: string, { n }: PendingPlan): Promise<boolean> {
    const held = await this.#held()
    // Asked for again, an address that the account has already gets another mail, without a link.
    if (held === undefined) return false
    if (!held.includes(address) && !(await this.#add(address, `secret${n}`))) return false
    if (this.#last !== undefined) {
      const body = { medium: 'email', address: this.#last }
      if (!this.ledger.judge(`removal of ${this.#last}`, await this.#post('/v3/account/3pid/delete', body)))
        return false
    }
    this.#last = address
    this.ledger.addresses += 1
    return true
  }

  async #add(email: string, client_secret: string): Promise<boolean> {
    const wish = { email, client_secret, send_attempt: 1 }
    const sent = await this.#post('/v3/account/3pid/email/requestToken', wish)
    if (!this.ledger.judge(`a mail to ${email}`, sent)) return false
    const mail = this.#mails.received.findLast(({ to }) => to.includes(email))
    const link = /^https:\/\/chat\.example\S+$/m.exec(mail?.mail.text ?? '')?.[0]
    if (link === undefined) {
      const came = mail === undefined ? 'none came' : `what came has no link: ${mail.mail.subject}`
      this.ledger.lost.push(`the mail to ${email}, which was said to be sent; ${came}`)
      return false
    }
    if (!(await this.#confirm(link.replace(PUBLIC_URL, this.#url())))) return false
    const creds = { sid: sent.body.sid, client_secret }
    return this.ledger.judge(`adding ${email}`, await this.#post('/v3/account/3pid', { three_pid_creds: creds }))
  }

  /** False where there was no answer, or half of one. */
  async #confirm(link: string): Promise<boolean> {
    try {
      const opened = await fetch(link, { method: 'POST', signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
      await opened.text()
      return opened.status === 200
    } catch {
      return false
    }
  }

  #post(path: string, body: unknown): Promise<Reply | undefined> {
    return this.wire.ask({ method: 'POST', path, token: this.#account.token, body })
  }

  async #held(): Promise<readonly string[] | undefined> {
    const reply = await this.wire.ask({ method: 'GET', path: '/v3/account/3pid', token: this.#account.token })
    return reply?.status === 200 ? reply.body.threepids.map(({ address }: Json) => address) : undefined
  }
}

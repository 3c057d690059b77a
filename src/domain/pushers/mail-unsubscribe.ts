import type { Sealer } from '#base'
import type { Commit, PusherNumber, PushersReader, PushersWriter } from '#store'

export interface MailUnsubscribeParts {
  readonly reader: Pick<PushersReader, 'pusher'>
  readonly writer: Pick<PushersWriter, 'reject'>
  readonly commit: Commit
  readonly sealer: Pick<Sealer, 'seal' | 'open'>
  /** The page that links lead to, without query. */
  readonly pageUrl: string
}

const CONTEXT = 'unsubscribe from mails'
const MAX_TOKEN = 200

/** Ends mails of notifications by the link in one of them: whoever holds the mail may, without being signed in (RFC 8058). The link is good as long as its pusher. */
export class MailUnsubscribe {
  readonly #parts: MailUnsubscribeParts

  constructor(parts: MailUnsubscribeParts) {
    this.#parts = parts
  }

  urlOf(pusher: PusherNumber): string {
    return `${this.#parts.pageUrl}?token=${this.#parts.sealer.seal(String(pusher), CONTEXT)}`
  }

  /** The address that gets the mails; undefined once it gets none. `false`: no such link was made here. */
  async addressOf(token: string): Promise<string | undefined | false> {
    const pusher = this.#pusherIn(token)
    if (pusher === undefined) return false
    const record = await this.#parts.reader.pusher(pusher)
    return record?.kind === 'email' ? record.pushkey : undefined
  }

  /** Whether the link was made here; then there are no more mails by it. */
  async end(token: string): Promise<boolean> {
    const pusher = this.#pusherIn(token)
    if (pusher === undefined) return false
    await this.#parts.commit([this.#parts.writer.reject(pusher)])
    return true
  }

  #pusherIn(token: string): PusherNumber | undefined {
    const opened = token.length > MAX_TOKEN ? undefined : this.#parts.sealer.open(token, CONTEXT)
    return opened === undefined ? undefined : Number(opened)
  }
}

import type { Clock } from '#base'
import { isPrivateHost } from '#net'
import { type JsonObject, MatrixError } from '#spec'
import {
  type Commit,
  type DeviceNumber,
  type PusherKind,
  type PusherRecord,
  type PushersReader,
  type PushersWriter,
  type UserNumber,
  WriteConflict,
} from '#store'

/** Tells the sender of notifications that a user's pushers have changed. */
export interface PusherNews {
  /** Resolves when the changed pushers are in use. Never throws. */
  pushersChanged(user: UserNumber): Promise<void>
}

/** The addresses to which notifications may be mailed. */
export interface OwnAddresses {
  /** The address in canonical form, if it is a validated one of that user. */
  ownEmail(user: UserNumber, address: string): Promise<string | undefined>
}

export interface PushersParts {
  readonly reader: PushersReader
  readonly writer: PushersWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly news: PusherNews
  /** undefined: this server mails no notifications. */
  readonly mails: OwnAddresses | undefined
  /** The newest position of the stream of events: a new pusher pushes later events. */
  readonly position: () => number
  /** Whether gateways may be in private networks, where they need no TLS. */
  readonly allowPrivateAddresses: boolean
}

export interface PusherOwner {
  readonly user: UserNumber
  readonly device: DeviceNumber | undefined
}

/** `POST /pushers/set` with a `kind`. */
export interface PusherRequest {
  readonly appId: string
  readonly pushkey: string
  readonly kind: string
  readonly appDisplayName: string
  readonly deviceDisplayName: string
  readonly profileTag: string | undefined
  readonly lang: string
  readonly data: JsonObject
  readonly append: boolean
  readonly enabled: boolean
}

const MAX_APP_ID_LENGTH = 64
const MAX_PUSHKEY_BYTES = 512
/** Display names, language and profile tag; the specification sets no limits for them. */
const MAX_TEXT_LENGTH = 512
const MAX_URL_LENGTH = 2_048
const MAX_DATA_BYTES = 8 * 1024
/** Limited because each event may cause a request for each pusher. */
const MAX_PUSHERS = 100
const NOTIFY_PATH = '/_matrix/push/v1/notify'

/** The pushers of local users (client-server API, "Push Notifications"). */
export class Pushers {
  readonly #parts: PushersParts

  constructor(parts: PushersParts) {
    this.#parts = parts
  }

  list(user: UserNumber): Promise<readonly PusherRecord[]> {
    return this.#parts.reader.ofUser(user)
  }

  /** Throws `M_INVALID_PARAM`, `M_MISSING_PARAM`, `M_USER_LIMIT_EXCEEDED`; `M_THREEPID_NOT_FOUND` for mails to an address that is none of the user's. */
  async set({ user, device: from }: PusherOwner, request: PusherRequest): Promise<void> {
    const { writer, commit, clock, news, position } = this.#parts
    const kind = this.#kindOf(request)
    checkTexts(request)
    if (kind === 'http') this.#checkGateway(request.data)
    const pushkey = kind === 'http' ? request.pushkey : await this.#ownEmail(user, request.pushkey)
    // Mails go to a person and not to the device on which they wished for them.
    const device = kind === 'http' ? from : undefined
    const { appId, appDisplayName, deviceDisplayName, profileTag, lang, enabled } = request
    const pusher = {
      ...{ kind, user, device, appId, pushkey, appDisplayName, deviceDisplayName, profileTag, lang, enabled },
      dataJson: JSON.stringify(request.data),
      setAtMs: clock.nowMs(),
      position: position(),
    }
    try {
      await commit([writer.set(pusher, { alone: !request.append, most: MAX_PUSHERS })])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      throw new MatrixError('M_USER_LIMIT_EXCEEDED', `A user has at most ${MAX_PUSHERS} pushers`)
    }
    await news.pushersChanged(user)
  }

  /** `kind: null`: removes the pusher, if there is one. */
  async remove(user: UserNumber, appId: string, pushkey: string): Promise<void> {
    checkKey(appId, pushkey)
    const { writer, commit, mails } = this.#parts
    const canonical = pushkey.includes('@') ? await mails?.ownEmail(user, pushkey) : undefined
    const keys = new Set([pushkey, canonical ?? pushkey])
    await commit([...keys].map((key) => writer.remove(user, appId, key)))
  }

  #kindOf({ kind }: PusherRequest): PusherKind {
    if (kind === 'http' || (kind === 'email' && this.#parts.mails !== undefined)) return kind
    throw invalid(
      this.#parts.mails === undefined
        ? 'This server has pushers of kind http only'
        : 'This server has pushers of the kinds http and email',
    )
  }

  async #ownEmail(user: UserNumber, pushkey: string): Promise<string> {
    const address = await this.#parts.mails?.ownEmail(user, pushkey)
    if (address !== undefined) return address
    throw new MatrixError('M_THREEPID_NOT_FOUND', 'pushkey is no e-mail address of this account')
  }

  #checkGateway(data: JsonObject): void {
    if (data.url === undefined) throw new MatrixError('M_MISSING_PARAM', 'data.url is missing')
    const { format } = data
    if (format !== undefined && typeof format !== 'string') throw invalid('data.format is no text')
    this.#checkUrl(data.url)
  }

  /** "MUST be an HTTPS URL with a path of /_matrix/push/v1/notify". */
  #checkUrl(text: unknown): void {
    const url = typeof text === 'string' && text.length <= MAX_URL_LENGTH ? URL.parse(text) : null
    if (url === null) throw invalid('data.url is no URL')
    if (url.pathname !== NOTIFY_PATH) throw invalid(`The path of data.url must be ${NOTIFY_PATH}`)
    if (url.username !== '' || url.password !== '') throw invalid('data.url must not hold a password')
    const { allowPrivateAddresses } = this.#parts
    if (url.protocol !== 'https:' && !(allowPrivateAddresses && url.protocol === 'http:'))
      throw invalid('data.url must begin with https://')
    if (!allowPrivateAddresses && isPrivateHost(url.hostname)) throw invalid('data.url leads to a private address')
  }
}

const checkKey = (appId: string, pushkey: string): void => {
  if (appId.length > MAX_APP_ID_LENGTH || !isStorable(appId))
    throw invalid(`app_id has at most ${MAX_APP_ID_LENGTH} characters`)
  if (Buffer.byteLength(pushkey) > MAX_PUSHKEY_BYTES || !isStorable(pushkey))
    throw invalid(`pushkey has at most ${MAX_PUSHKEY_BYTES} bytes`)
}

const checkTexts = (request: PusherRequest): void => {
  checkKey(request.appId, request.pushkey)
  for (const text of [request.appDisplayName, request.deviceDisplayName, request.lang, request.profileTag ?? ''])
    if (text.length > MAX_TEXT_LENGTH || !isStorable(text)) throw invalid('A name, language or profile tag is too long')
  if (Buffer.byteLength(JSON.stringify(request.data)) > MAX_DATA_BYTES) throw invalid('data is too large')
}

const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0')

const invalid = (message: string): MatrixError => new MatrixError('M_INVALID_PARAM', message)

import { createHash } from 'node:crypto'
import { isJsonObject, type JsonObject, objectAt, parseUserId, type RoomId, stringAt, type UserId } from '#spec'
import type {
  IdentityServerFailure,
  IdentityServerRefusal,
  IdentityServers,
  RemoteThirdPartyId,
} from './identity-servers.ts'

export interface LookupRequest {
  readonly idServer: string
  /** If given, the v2 API is used, which learns a hash of the address; else v1, which has no tokens. */
  readonly accessToken: string | undefined
  readonly threepid: RemoteThirdPartyId
}

export type LookupAnswer =
  | { readonly kind: 'found'; readonly userId: UserId }
  | { readonly kind: 'unknown' }
  | IdentityServerRefusal
  | IdentityServerFailure

export interface StoreInviteRequest extends LookupRequest {
  readonly roomId: RoomId
  readonly sender: UserId
  /** More members of the body, for the mail that the identity server sends: `room_name` and the like. */
  readonly about: JsonObject
}

export interface InviteKey {
  readonly publicKey: string
  readonly validityUrl: string | undefined
}

export type StoreInviteAnswer =
  | {
      readonly kind: 'stored'
      readonly token: string
      readonly displayName: string
      /** At least one. */
      readonly keys: readonly InviteKey[]
    }
  | IdentityServerRefusal
  | IdentityServerFailure

const V1 = '/_matrix/identity/api/v1'
const V2 = '/_matrix/identity/v2'
/** Limits on the parts of an answer that go into an event. */
const TOKEN = /^[0-9A-Za-z.=_-]{1,255}$/
const MAX_TEXT = 512
const MAX_KEYS = 8

/** Invites by an address (identity service API, "Association lookup", "Invitation storage"). No method throws. */
export class IdentityServerInvites {
  readonly #servers: Pick<IdentityServers, 'ask'>

  constructor(servers: Pick<IdentityServers, 'ask'>) {
    this.#servers = servers
  }

  /** Asks whose an address is. */
  async lookup(request: LookupRequest): Promise<LookupAnswer> {
    if (request.accessToken === undefined) return this.#lookupOfV1(request)
    const first = await this.#lookupHashed(request)
    // The pepper may have been replaced between the two requests; once is enough, so that no loop comes of it.
    return first.kind === 'refused' && first.errcode === 'M_INVALID_PEPPER' ? this.#lookupHashed(request) : first
  }

  async #lookupHashed({ idServer, accessToken, threepid }: LookupRequest): Promise<LookupAnswer> {
    const details = await this.#servers.ask(idServer, accessToken, { method: 'GET', path: `${V2}/hash_details` })
    if (details.kind !== 'answer') return details
    const pepper = stringAt(details.body, 'lookup_pepper')
    const { algorithms } = details.body
    if (pepper === undefined || !Array.isArray(algorithms) || !algorithms.includes('sha256'))
      return { kind: 'unavailable' }
    const text = `${threepid.address} ${threepid.medium} ${pepper}`
    const hash = createHash('sha256').update(text).digest('base64url')
    const content = { algorithm: 'sha256', pepper, addresses: [hash] }
    const found = await this.#servers.ask(idServer, accessToken, { method: 'POST', path: `${V2}/lookup`, content })
    return found.kind === 'answer' ? foundIn(objectAt(found.body, 'mappings') ?? {}, hash) : found
  }

  async #lookupOfV1({ idServer, threepid: { medium, address } }: LookupRequest): Promise<LookupAnswer> {
    const path = `${V1}/lookup?${new URLSearchParams({ medium, address }).toString()}`
    const found = await this.#servers.ask(idServer, undefined, { method: 'GET', path })
    return found.kind === 'answer' ? foundIn(found.body, 'mxid') : found
  }

  /** Has an invite kept until somebody proves to have the address; the identity server tells that person by mail. */
  async storeInvite(request: StoreInviteRequest): Promise<StoreInviteAnswer> {
    const { idServer, accessToken, threepid, roomId, sender, about } = request
    const { medium, address } = threepid
    const answer = await this.#servers.ask(idServer, accessToken, {
      method: 'POST',
      path: `${accessToken === undefined ? V1 : V2}/store-invite`,
      content: { ...about, medium, address, room_id: roomId, sender },
    })
    if (answer.kind !== 'answer') return answer
    const token = stringAt(answer.body, 'token')
    const displayName = stringAt(answer.body, 'display_name')
    const keys = keysIn(answer.body)
    if (token === undefined || !TOKEN.test(token) || displayName === undefined || keys.length === 0)
      return { kind: 'unavailable' }
    return { kind: 'stored', token, displayName: displayName.toWellFormed().slice(0, MAX_TEXT).toWellFormed(), keys }
  }

  /** Whether the key may still be used, as the server behind its URL says: a trusted one, as the URL stands in a room. */
  async isKeyValid(publicKey: string, validityUrl: string): Promise<boolean> {
    const url = URL.canParse(validityUrl) ? new URL(validityUrl) : undefined
    if (url === undefined || validityUrl.length > MAX_TEXT) return false
    url.searchParams.set('public_key', publicKey)
    const answer = await this.#servers.ask(url.host, undefined, { method: 'GET', path: `${url.pathname}${url.search}` })
    return answer.kind === 'answer' && answer.body.valid === true
  }
}

const foundIn = (mappings: JsonObject, key: string): LookupAnswer => {
  const named = stringAt(mappings, key)
  if (named === undefined) return { kind: 'unknown' }
  const userId = parseUserId(named)
  return userId === undefined ? { kind: 'unavailable' } : { kind: 'found', userId }
}

/** `public_keys`, and `public_key` of the answers of earlier versions. What is no key, or too long, is left out. */
const keysIn = (body: JsonObject): readonly InviteKey[] => {
  const listed = Array.isArray(body.public_keys) ? body.public_keys.slice(0, MAX_KEYS) : []
  const found = new Map<string, InviteKey>()
  for (const one of [...listed, body]) {
    const publicKey = isJsonObject(one) ? stringAt(one, 'public_key') : undefined
    const validityUrl = isJsonObject(one) ? stringAt(one, 'key_validity_url') : undefined
    if (publicKey === undefined || publicKey.length > MAX_TEXT || (validityUrl?.length ?? 0) > MAX_TEXT) continue
    if (!found.has(publicKey)) found.set(publicKey, { publicKey, validityUrl })
  }
  return [...found.values()]
}

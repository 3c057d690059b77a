import { hash } from 'node:crypto'
import type { Clock } from '#base'
import type { UserId } from '#spec'
import type { ShortLivedTable } from '#store'
import type { AuthorizationRequest } from './authorization-request.ts'
import { receiverOf } from './redirect-uris.ts'

/** The consent of somebody who let an app in and does not want to be asked again. */
export interface KeptConsent {
  readonly clientId: string
  /** The scope without the device, which is another one with each sign-in. */
  readonly scope: string
  readonly givenAtMs: number
}

/** A consent as its person sees it in a list. */
export interface ListedConsent extends KeptConsent {
  /** The name by which it is taken back. */
  readonly name: string
}

export interface ConsentsParts {
  readonly table: ShortLivedTable<KeptConsent>
  readonly clock: Clock
}

/** After so long people are asked again. */
export const CONSENT_MS = 90 * 24 * 3_600_000

/** The one scope that is remembered. Power over the server is asked for every time. */
const REMEMBERED_SCOPE = 'urn:matrix:client:api:*'

/** The parts of a request on which it depends whether a consent is remembered. */
export type Rememberable = Pick<AuthorizationRequest, 'client' | 'redirectUri' | 'admin' | 'asksAlways'>

/**
 * Remembers which apps somebody lets in without a question. By the client's id, under which the metadata never change: an app that registers other metadata is
 * another client, and is asked about. Only for sites: any program can answer on loopback or at a scheme, so "the authorization server SHOULD
 * NOT process authorization requests automatically without user consent or interaction" for them (RFC 8252, section 8.6). The Matrix
 * specification leaves it to servers how long a consent counts.
 */
export class Consents {
  readonly #parts: ConsentsParts

  constructor(parts: ConsentsParts) {
    this.#parts = parts
  }

  /** Whether a consent to the request can be remembered. */
  canRemember({ redirectUri, admin, asksAlways }: Rememberable): boolean {
    return receiverOf(redirectUri).kind === 'site' && !admin && !asksAlways
  }

  async remember(userId: UserId, request: Rememberable): Promise<void> {
    if (!this.canRemember(request)) return
    const { table, clock } = this.#parts
    const { clientId } = request.client
    const consent = { clientId, scope: REMEMBERED_SCOPE, givenAtMs: clock.nowMs() }
    await table.put(consent, { id: idOf(userId, clientId), owner: userId })
  }

  /** Whether the person said that this app need not ask again. */
  async isGiven(userId: UserId, request: Rememberable): Promise<boolean> {
    if (!this.canRemember(request)) return false
    const kept = await this.#parts.table.find(idOf(userId, request.client.clientId))
    return kept?.scope === REMEMBERED_SCOPE
  }

  /** Returns all consents of a person, the newest first. */
  async listOf(userId: UserId): Promise<readonly ListedConsent[]> {
    const all = await this.#parts.table.owned(userId)
    return all.map(({ name, value }) => ({ ...value, name })).toSorted((a, b) => b.givenAtMs - a.givenAtMs)
  }

  /** Takes back a consent that `listOf` named; those of others are passed over. */
  async takeBack(userId: UserId, name: string): Promise<void> {
    await this.#parts.table.takeOwned(userId, name)
  }

  /** The app has to ask again. */
  async forget(userId: UserId, clientId: string): Promise<void> {
    await this.#parts.table.take(idOf(userId, clientId))
  }
}

const idOf = (userId: UserId, clientId: string): string => hash('sha256', `${clientId} ${userId}`, 'hex')

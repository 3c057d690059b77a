import { type JsonObject, MatrixError, type UserId } from '#spec'
import type { ShortLivedTable } from '#store'
import type { BrowserSessions } from '../../browser-sessions/index.ts'
import type { SessionRequest } from '../../devices/index.ts'
import {
  clientOf,
  isTrustedClient,
  type LoginTokens,
  type Returned,
  type SignInProvider,
  type SignInPurpose,
  withLoginToken,
} from '../../sign-in/index.ts'
import type { InteractiveAuth, UiaAnswer } from '../../uia/index.ts'
import type { IdentityStages } from '../stages/identity-stages.ts'
import type { IdentityAccounts } from './identity-accounts.ts'
import {
  type Destination,
  destinationOf,
  newAccountStep,
  type PendingSignIn,
  type SignInStep,
} from './sign-in-steps.ts'

/** A login or registration whose redirect URI gives the answer that its endpoint would give. */
export interface CallbackOperation {
  run(auth: JsonObject, from: From): Promise<UiaAnswer<JsonObject>>
  /** Whether this stage ends the operation, with credentials in the answer. */
  readonly answersBrowserOnly: boolean
}

type From = SessionRequest['from']
type Proven = Returned & { readonly kind: 'proven' }

export interface SignInFlowParts {
  readonly accounts: IdentityAccounts
  readonly uia: InteractiveAuth
  readonly identityStages: IdentityStages
  readonly pendingSignIns: ShortLivedTable<PendingSignIn>
  readonly loginTokens: LoginTokens
  /** Keyed by the operation of their sessions. */
  readonly callbackOperations: ReadonlyMap<string, CallbackOperation>
  readonly rules: {
    readonly trustedClients: readonly string[]
    /** Whether a new account has to agree to documents. */
    readonly hasTerms: boolean
  }
  readonly browserSessions: Pick<BrowserSessions, 'begin'>
}

/** Turns identities into logins, accounts and passed stages. Module "SSO client login"; the stage "OAuth2-based". */
export class SignInFlow {
  readonly #parts: SignInFlowParts

  constructor(parts: SignInFlowParts) {
    this.#parts = parts
  }

  /** After `SignIn.returned`. */
  async arrived(returned: Returned, from: From): Promise<SignInStep> {
    switch (returned.kind) {
      case 'ended':
      case 'otherBrowser':
        return returned
      case 'failed':
        return { kind: 'failed', why: returned.why, name: returned.name }
      case 'proven':
        return this.#proven(returned, returned.purpose, from)
    }
  }

  /** Yes to `confirm`. */
  async confirm(id: string, from: From): Promise<SignInStep> {
    const pending = await this.#parts.pendingSignIns.take(id)
    return pending?.kind === 'stage' ? this.#passStage(pending, from) : { kind: 'ended' }
  }

  /** Makes an account with the name that a new person chose. If the name is refused, the step says why, and they may choose again. */
  async choseName(id: string, username: string, agreed: boolean): Promise<SignInStep> {
    const pending = await this.#parts.pendingSignIns.take(id)
    if (pending?.kind !== 'newAccount') return { kind: 'ended' }
    const again = async (status: number, text: string): Promise<SignInStep> => {
      await this.#parts.pendingSignIns.put(pending, { id })
      return newAccountStep(id, pending, username, { status, text })
    }
    if (this.#parts.rules.hasTerms && !agreed) return again(400, 'To go on, agree to the documents.')
    try {
      const userId = await this.#parts.accounts.create(pending.identity, username)
      return await this.#made(userId, destinationOf(pending), {})
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      return await again(error.status, error.message)
    }
  }

  /** Continues after the person agreed to go on: returns the client's address with a login token. */
  async goOn(id: string): Promise<SignInStep> {
    const pending = await this.#parts.pendingSignIns.take(id)
    if (pending?.kind !== 'goOn') return { kind: 'ended' }
    return this.#toClient(pending.userId, pending.redirectUrl)
  }

  async #proven(returned: Proven, purpose: SignInPurpose, from: From): Promise<SignInStep> {
    const { identity } = returned
    switch (purpose.kind) {
      case 'stage': {
        const { session, type } = purpose
        const pending = { kind: 'stage', identity, session, type } as const
        if (returned.solicited) return this.#passStage(pending, from)
        if (returned.unattended !== true) return this.#unsolicited(pending, from)
        const about = await this.#parts.identityStages.about(purpose)
        return about.kind === 'open' ? this.#passStage(pending, from) : about
      }
      case 'login':
        return this.#logIn(returned, { kind: 'client', redirectUrl: purpose.redirectUrl })
      case 'browser':
        return this.#atBrowser(returned, purpose)
    }
  }

  /** A browser that this server did not send is signed in to nothing: whoever sent it may have come with an identity of their own. */
  async #atBrowser(returned: Proven, { next, link }: SignInPurpose & { kind: 'browser' }): Promise<SignInStep> {
    if (!returned.solicited) return { kind: 'otherBrowser' }
    if (link === undefined) return this.#logIn(returned, { kind: 'here', next })
    const pending = { kind: 'link', identity: returned.identity, next, browser: link } as const
    return { kind: 'link', id: await this.#parts.pendingSignIns.put(pending) }
  }

  async #logIn({ identity, provider, ...how }: Proven, to: Destination): Promise<SignInStep> {
    const found = await this.#parts.accounts.accountOf(identity, provider)
    switch (found.kind) {
      case 'refused':
        return { ...found, name: provider.name }
      case 'account':
        if (to.kind === 'here') return this.#signedIn(found.userId, to.next)
        // A browser that came with somebody else's ticket is told whose account it is: login CSRF.
        return how.solicited && isTrustedClient(to.redirectUrl, this.#parts.rules.trustedClients)
          ? this.#toClient(found.userId, to.redirectUrl)
          : this.#askToGoOn(found.userId, to.redirectUrl, { isNew: false, ...how })
      case 'none': {
        const where = to.kind === 'here' ? { next: to.next } : { redirectUrl: to.redirectUrl }
        return this.#newcomer({ kind: 'newAccount', identity, ...where }, provider, how)
      }
    }
  }

  async #signedIn(userId: UserId, next: string): Promise<SignInStep> {
    return { kind: 'signedIn', next, ...(await this.#parts.browserSessions.begin(userId)) }
  }

  /** After an account was made. */
  #made(userId: UserId, to: Destination, how: Pick<Proven, 'unattended'>): Promise<SignInStep> {
    return to.kind === 'here'
      ? this.#signedIn(userId, to.next)
      : this.#askToGoOn(userId, to.redirectUrl, { isNew: true, ...how })
  }

  async #newcomer(
    pending: PendingSignIn & { kind: 'newAccount' },
    provider: SignInProvider,
    how: Pick<Proven, 'unattended'>,
  ): Promise<SignInStep> {
    const { identity } = pending
    if (!provider.chooseUserName && !this.#parts.rules.hasTerms) {
      try {
        const userId = await this.#parts.accounts.create(identity, identity.localpart)
        return await this.#made(userId, destinationOf(pending), how)
      } catch (error) {
        // The name is taken or invalid: the person is asked for another.
        if (!(error instanceof MatrixError)) throw error
      }
    }
    const id = await this.#parts.pendingSignIns.put(pending)
    return newAccountStep(id, pending, identity.localpart, undefined)
  }

  async #passStage({ identity, session, type }: PendingSignIn & { kind: 'stage' }, from: From): Promise<SignInStep> {
    const { uia, identityStages } = this.#parts
    const operation = await this.#callbackOperationOf(session, type)
    const proof = await identityStages.proven(session, identity)
    if (operation !== undefined)
      return { kind: 'answered', type, answer: await operation.run({ ...proof, type, session }, from) }
    const refusal = await uia.attemptStage(session, type, proof, from.ip)
    return refusal === undefined ? { kind: 'stagePassed' } : { kind: 'stageRefused', text: refusal.error }
  }

  /**
   * Asks a person who may have got the address from somebody else, and has not seen its purpose. If only this browser gets the
   * result, there is nothing to ask.
   */
  async #unsolicited(pending: PendingSignIn & { kind: 'stage' }, from: From): Promise<SignInStep> {
    const { session, type, identity } = pending
    const callbackOperation = await this.#callbackOperationOf(session, type)
    if (callbackOperation?.answersBrowserOnly === true) return this.#passStage(pending, from)
    const about = await this.#parts.identityStages.about({ kind: 'stage', session, type })
    if (about.kind !== 'open') return about
    const { operation, requester } = about
    const id = await this.#parts.pendingSignIns.put(pending)
    return { kind: 'confirm', id, name: identity.providerName, operation, requester }
  }

  async #callbackOperationOf(session: string, type: string): Promise<CallbackOperation | undefined> {
    const state = await this.#parts.uia.stageState(session, type)
    return state.kind === 'open' ? this.#parts.callbackOperations.get(state.operation) : undefined
  }

  async #askToGoOn(
    userId: UserId,
    redirectUrl: string,
    how: { isNew: boolean } & Pick<Proven, 'unattended'>,
  ): Promise<SignInStep> {
    const { pendingSignIns, loginTokens } = this.#parts
    // An app that fetched the page itself reads the token from it: in r0.4.0, "CAS-based client login", the token is in the answer to the ticket.
    const to =
      how.unattended === true
        ? { uri: withLoginToken(redirectUrl, await loginTokens.issue(userId)) }
        : { id: await pendingSignIns.put({ kind: 'goOn', userId, redirectUrl }) }
    return { kind: 'goOn', to, client: clientOf(redirectUrl), userId, isNew: how.isNew }
  }

  async #toClient(userId: UserId, redirectUrl: string): Promise<SignInStep> {
    return { kind: 'redirect', uri: withLoginToken(redirectUrl, await this.#parts.loginTokens.issue(userId)) }
  }
}

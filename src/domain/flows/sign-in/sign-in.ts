import { type JsonObject, MatrixError, type UserId } from '#spec'
import { type Commit, WriteConflict } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { SessionRequest } from '../../devices/index.ts'
import {
  clientOf,
  type ExternalIdentities,
  type Identity,
  isTrustedClient,
  type LoginTokens,
  type OneTimeTable,
  type Returned,
  type SignInProvider,
  type SignInPurpose,
  withLoginToken,
} from '../../sign-in/index.ts'
import type { InteractiveAuth, UiaAnswer } from '../../uia/index.ts'
import type { CreateAccount } from '../registration/create-account.ts'
import type { IdentityStages } from '../stages/identity-stages.ts'
import { type AccountOfIdentity, newAccountStep, type PendingSignIn, type SignInStep } from './sign-in-steps.ts'

export interface NameCheck {
  /** Throws `M_EXCLUSIVE`. */
  assertUnreserved(userId: UserId): void
}

/** A login or registration under way whose redirect URI answers what its path would. */
export interface CallbackOperation {
  run(auth: JsonObject, from: From): Promise<UiaAnswer<JsonObject>>
  /** Whether it ends with this stage, and with credentials. */
  readonly answersBrowserOnly: boolean
}

type From = SessionRequest['from']
type Proven = Returned & { readonly kind: 'proven' }

export interface SignInFlowOptions {
  /** By the operation of their sessions. */
  readonly callbackOperations: ReadonlyMap<string, CallbackOperation>
  readonly commit: Commit
  readonly trustedClients: readonly string[]
  readonly names: NameCheck
  /** Whether a new account has to agree to documents. */
  readonly hasTerms: boolean
  /** Whose verified address it is. */
  userWithEmail(address: string): Promise<UserId | undefined>
}

/** What comes of identities: logins, accounts, passed stages. Module "SSO client login"; "OAuth2-based" of 2015. */
export class SignInFlow {
  readonly #identities: ExternalIdentities
  readonly #accounts: Accounts
  readonly #createAccount: CreateAccount
  readonly #stages: { readonly uia: InteractiveAuth; readonly identityStages: IdentityStages }
  readonly #waiting: { readonly pendingSignIns: OneTimeTable<PendingSignIn>; readonly loginTokens: LoginTokens }
  readonly #options: SignInFlowOptions

  constructor(
    domain: { readonly accounts: Accounts; readonly identities: ExternalIdentities },
    createAccount: CreateAccount,
    stages: { readonly uia: InteractiveAuth; readonly identityStages: IdentityStages },
    waiting: { readonly pendingSignIns: OneTimeTable<PendingSignIn>; readonly loginTokens: LoginTokens },
    options: SignInFlowOptions,
  ) {
    this.#identities = domain.identities
    this.#accounts = domain.accounts
    this.#createAccount = createAccount
    this.#stages = stages
    this.#waiting = waiting
    this.#options = options
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

  /** Whose account it is, by the rule of its provider; what is linked by that is committed. */
  async accountOf(identity: Identity, provider: SignInProvider): Promise<AccountOfIdentity> {
    const linked = await this.#identities.userOf(identity)
    if (linked !== undefined) {
      return (await this.#isActive(linked))
        ? { kind: 'account', userId: linked }
        : { kind: 'refused', why: 'deactivated' }
    }
    const candidate = await this.#candidate(identity, provider)
    if (
      candidate !== undefined &&
      (await this.#mayBecome(candidate, provider)) &&
      (await this.#link(identity, candidate))
    )
      return { kind: 'account', userId: candidate }
    return provider.allowRegistration ? { kind: 'none' } : { kind: 'refused', why: 'noAccount' }
  }

  /** Yes to `confirm`. */
  async confirm(id: string, from: From): Promise<SignInStep> {
    const pending = this.#waiting.pendingSignIns.take(id)
    return pending?.kind === 'stage' ? this.#passStage(pending, from) : { kind: 'ended' }
  }

  /** The name that a new person chose. What is wrong with it is told in the step, and they may choose again. */
  async choseName(id: string, username: string, agreed: boolean): Promise<SignInStep> {
    const pending = this.#waiting.pendingSignIns.take(id)
    if (pending?.kind !== 'newAccount') return { kind: 'ended' }
    const again = (status: number, text: string): SignInStep => {
      this.#waiting.pendingSignIns.put(pending, id)
      return newAccountStep(id, pending, username, { status, text })
    }
    if (this.#options.hasTerms && !agreed) return again(400, 'To go on, agree to the documents.')
    try {
      const userId = await this.#create(pending.identity, username)
      return this.#askToGoOn(userId, pending.redirectUrl, { isNew: true })
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      return again(error.status, error.message)
    }
  }

  /** Yes to `goOn`: where to, with a login token. */
  goOn(id: string): SignInStep {
    const pending = this.#waiting.pendingSignIns.take(id)
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
        const about = this.#stages.identityStages.about(purpose)
        return about.kind === 'open' ? this.#passStage(pending, from) : about
      }
      case 'login':
        return this.#logIn(returned, purpose.redirectUrl)
    }
  }

  async #logIn({ identity, provider, ...how }: Proven, redirectUrl: string): Promise<SignInStep> {
    const found = await this.accountOf(identity, provider)
    switch (found.kind) {
      case 'refused':
        return { ...found, name: provider.name }
      case 'account':
        // Who came with somebody else's ticket is told whose account it is: login CSRF.
        return how.solicited && isTrustedClient(redirectUrl, this.#options.trustedClients)
          ? this.#toClient(found.userId, redirectUrl)
          : this.#askToGoOn(found.userId, redirectUrl, { isNew: false, ...how })
      case 'none':
        return this.#newcomer({ kind: 'newAccount', identity, provider, redirectUrl }, how)
    }
  }

  async #newcomer(
    pending: PendingSignIn & { kind: 'newAccount' },
    how: Pick<Proven, 'unattended'>,
  ): Promise<SignInStep> {
    const { identity, provider, redirectUrl } = pending
    if (!provider.chooseUserName && !this.#options.hasTerms) {
      try {
        const userId = await this.#create(identity, identity.localpart)
        return this.#askToGoOn(userId, redirectUrl, { isNew: true, ...how })
      } catch (error) {
        // Taken, or no name: the person is asked for another.
        if (!(error instanceof MatrixError)) throw error
      }
    }
    return newAccountStep(this.#waiting.pendingSignIns.put(pending), pending, identity.localpart, undefined)
  }

  /** Throws what is wrong with the name, `M_USER_IN_USE`, `M_EXCLUSIVE`. */
  async #create(identity: Identity, username: string): Promise<UserId> {
    const userId = this.#accounts.newUserId(username)
    await this.#accounts.assertFree(userId)
    this.#options.names.assertUnreserved(userId)
    await this.#createAccount.run({
      userId,
      passwordHash: undefined,
      displayName: identity.displayName,
      session: undefined,
      alongside: [this.#identities.link(identity, userId)],
    })
    return userId
  }

  async #candidate(identity: Identity, { linkExisting }: SignInProvider): Promise<UserId | undefined> {
    switch (linkExisting) {
      case 'never':
        return undefined
      case 'localpart': {
        if (identity.localpart === '') return undefined
        return (await this.#accounts.resolve({ kind: 'user', user: identity.localpart }))?.account?.userId
      }
      case 'verifiedEmail':
        return identity.verifiedEmail === undefined ? undefined : this.#options.userWithEmail(identity.verifiedEmail)
    }
  }

  /** Providers give names and addresses of people who left to others: an account with an identity there has its owner. */
  async #mayBecome(userId: UserId, { id }: SignInProvider): Promise<boolean> {
    return (await this.#isActive(userId)) && !(await this.#identities.providersOf(userId)).includes(id)
  }

  async #isActive(userId: UserId): Promise<boolean> {
    const account = await this.#accounts.account(userId)
    return account !== undefined && account.deactivatedAtMs === undefined && !account.guest
  }

  /** Whether it is theirs now. */
  async #link(identity: Identity, userId: UserId): Promise<boolean> {
    try {
      await this.#options.commit([this.#identities.link(identity, userId)])
      return true
    } catch (error) {
      if (error instanceof WriteConflict) return false
      throw error
    }
  }

  async #passStage({ identity, session, type }: PendingSignIn & { kind: 'stage' }, from: From): Promise<SignInStep> {
    const { uia, identityStages } = this.#stages
    const operation = this.#callbackOperationOf(session, type)
    const proof = identityStages.proven(session, identity)
    if (operation !== undefined)
      return { kind: 'answered', type, answer: await operation.run({ ...proof, type, session }, from) }
    const refusal = await uia.attemptStage(session, type, proof, from.ip)
    return refusal === undefined ? { kind: 'stagePassed' } : { kind: 'stageRefused', text: refusal.error }
  }

  /**
   * Asks a person who may have got the address from somebody else, and has not seen what it is about. Where only this browser gets what
   * comes of it, there is nothing to ask.
   */
  async #unsolicited(pending: PendingSignIn & { kind: 'stage' }, from: From): Promise<SignInStep> {
    const { session, type, identity } = pending
    if (this.#callbackOperationOf(session, type)?.answersBrowserOnly === true) return this.#passStage(pending, from)
    const about = this.#stages.identityStages.about({ kind: 'stage', session, type })
    if (about.kind !== 'open') return about
    const { operation, requester } = about
    const id = this.#waiting.pendingSignIns.put(pending)
    return { kind: 'confirm', id, name: identity.providerName, operation, requester }
  }

  #callbackOperationOf(session: string, type: string): CallbackOperation | undefined {
    const state = this.#stages.uia.stageState(session, type)
    return state.kind === 'open' ? this.#options.callbackOperations.get(state.operation) : undefined
  }

  #askToGoOn(userId: UserId, redirectUrl: string, how: { isNew: boolean } & Pick<Proven, 'unattended'>): SignInStep {
    const { pendingSignIns, loginTokens } = this.#waiting
    // An app that fetched the page itself reads the token from it: r0.4.0, "CAS-based client login", has it in the answer to the ticket.
    const to =
      how.unattended === true
        ? { uri: withLoginToken(redirectUrl, loginTokens.issue(userId)) }
        : { id: pendingSignIns.put({ kind: 'goOn', userId, redirectUrl }) }
    return { kind: 'goOn', to, client: clientOf(redirectUrl), userId, isNew: how.isNew }
  }

  #toClient(userId: UserId, redirectUrl: string): SignInStep {
    return { kind: 'redirect', uri: withLoginToken(redirectUrl, this.#waiting.loginTokens.issue(userId)) }
  }
}

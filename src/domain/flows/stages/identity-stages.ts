import { type JsonObject, stringAt, type UserId } from '#spec'
import type { ShortLivedTable } from '#store'
import {
  type Choice,
  type ExternalIdentities,
  givesTickets,
  type Identity,
  type SignIn,
  type SignInProvider,
  type SignInPurpose,
} from '../../sign-in/index.ts'
import { factIn, type InteractiveAuth, type Stage, type StageFacts, type StageOutcome } from '../../uia/index.ts'

/** "OAuth2-based" of 2015; its answers carry `uri`. */
export const OAUTH2_STAGE = 'm.login.oauth2'
/** The same for clients of today, which open the stage's fallback page. */
export const SSO_STAGE = 'm.login.sso'

/** A member of `auth` that no client can send: its value is secret. */
const PROOF = 'homeroom.proof'

/** Begins the operation name of sessions that make accounts, of 2015 and of today. */
const REGISTRATION = 'POST /register'

export type IdentityStageType = typeof OAUTH2_STAGE | typeof SSO_STAGE

/** The state of a session's stage, for a person who may go to a provider for it. */
export type AboutStage =
  | { readonly kind: 'open'; readonly operation: string; readonly requester: UserId | undefined }
  | { readonly kind: 'notYet' | 'stagePassed' | 'ended' }

/** A person who came back from a provider, kept until the stage checks it. */
export interface IdentityProof {
  readonly session: string
  readonly identity: Identity
}

export interface IdentityStagesParts {
  readonly signIn: SignIn
  readonly identities: ExternalIdentities
  readonly uia: Pick<InteractiveAuth, 'stageState'>
  readonly proofs: ShortLivedTable<IdentityProof>
}

/** Whether the stage can be passed at the provider: a CAS server has no OAuth 2.0. */
export const serves = (provider: SignInProvider, type: string): boolean =>
  type !== OAUTH2_STAGE || !givesTickets(provider)

const mayServe = (type: string, creates: boolean) => (provider: SignInProvider) =>
  (!creates || provider.allowRegistration) && serves(provider, type)

/** The stages that are passed at a provider of identities. */
export class IdentityStages {
  readonly #parts: IdentityStagesParts

  constructor(parts: IdentityStagesParts) {
    this.#parts = parts
  }

  /**
   * Records that somebody came back for that session. The result goes into `auth` of the one attempt that may pass its stage by it:
   * other requests of the session cannot.
   */
  async proven(session: string, identity: Identity): Promise<JsonObject> {
    return { [PROOF]: await this.#parts.proofs.put({ session, identity }) }
  }

  /**
   * `creates`: the stage is for a new account; people without one pass it, and `identityIn` reads its fact. Otherwise it confirms
   * an action of somebody with an account; only the requester passes it, and its fact is the user id.
   */
  stage(type: IdentityStageType, creates: boolean): Stage {
    const uriFor = async (session: string) => ({
      uri: await this.#parts.signIn.begin({
        purpose: { kind: 'stage', session, type },
        key: `${type} ${session}`,
        accepts: mayServe(type, creates),
        again: !creates,
      }),
    })
    return {
      type,
      ...(type === OAUTH2_STAGE ? { params: ({ id }) => uriFor(id) } : {}),
      attempt: async ({ session, requester, auth }) => {
        const id = stringAt(auth, PROOF)
        const proof = id === undefined ? undefined : await this.#parts.proofs.take(id)
        if (proof?.session !== session)
          return { kind: 'pending', ...(type === OAUTH2_STAGE ? { fields: await uriFor(session) } : {}) }
        const { identity } = proof
        return creates ? this.#ofNewcomer(identity) : this.#ofRequester(identity, requester)
      },
    }
  }

  /** The page on which a provider is chosen for the stage of a session; `operation` is the session's. */
  choice(session: string, type: string, operation: string): Choice {
    const creates = operation.startsWith(REGISTRATION)
    const providers = this.#parts.signIn.providers.filter(mayServe(type, creates))
    return { purpose: { kind: 'stage', session, type }, providers, again: !creates }
  }

  /** The operation that somebody would consent to by going to a provider for that, or why there is nothing to consent to. */
  async about(purpose: SignInPurpose): Promise<AboutStage> {
    if (purpose.kind !== 'stage') return { kind: 'ended' }
    const state = await this.#parts.uia.stageState(purpose.session, purpose.type)
    switch (state.kind) {
      case 'open':
        return state
      case 'notYet':
        return state
      case 'passed':
        return { kind: 'stagePassed' }
      case 'noSession':
      case 'notAsked':
        return { kind: 'ended' }
    }
  }

  async #ofNewcomer(identity: Identity): Promise<StageOutcome> {
    const linked = await this.#parts.identities.userOf(identity)
    if (linked === undefined) return { kind: 'passed', fact: { kind: 'identity', identity } }
    return refused(`You have an account here already, by ${identity.providerName}; sign in to it`)
  }

  async #ofRequester(identity: Identity, requester: UserId | undefined): Promise<StageOutcome> {
    const linked = await this.#parts.identities.userOf(identity)
    if (linked !== undefined && (requester === undefined || requester === linked)) {
      return { kind: 'passed', fact: { kind: 'user', userId: linked } }
    }
    const other = `That is another person of ${identity.providerName} than the one this account belongs to`
    // Somebody may have been led here by another person: the session ends if it has a requester, who is told so.
    return { ...refused(other), final: requester !== undefined }
  }
}

const refused = (error: string): StageOutcome & { readonly kind: 'failed' } => ({
  kind: 'failed',
  errcode: 'M_FORBIDDEN',
  error,
})

/** The identity of a passed stage that makes accounts; undefined if none was passed. */
export const identityIn = (facts: StageFacts): Identity | undefined => factIn(facts, 'identity')?.identity

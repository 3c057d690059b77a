import type { JsonObject, UserId } from '#spec'
import type { clientOf, Identity, Returned } from '../../sign-in/index.ts'
import type { UiaAnswer } from '../../uia/index.ts'

/** The account that an identity opens. */
export type AccountOfIdentity =
  | { readonly kind: 'account'; readonly userId: UserId }
  /** No account yet; the provider's people may make one. */
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly why: 'noAccount' | 'deactivated' }

/** The client to which the browser goes with a login token. */
export type Client = ReturnType<typeof clientOf>

/** The next page of a browser that came back, or the address it goes to. */
export type SignInStep =
  | { readonly kind: 'ended' | 'otherBrowser' | 'notYet' | 'stagePassed' }
  | { readonly kind: 'failed'; readonly why: (Returned & { kind: 'failed' })['why']; readonly name: string }
  | { readonly kind: 'refused'; readonly why: 'noAccount' | 'deactivated'; readonly name: string }
  /** `text` is for people. */
  | { readonly kind: 'stageRefused'; readonly text: string }
  | { readonly kind: 'redirect'; readonly uri: string }
  /** The person is asked whether the browser may go on to that client. */
  | {
      readonly kind: 'goOn'
      /** `id`: for `goOn`, after they agree. `uri`: the address itself, if nobody needs to be asked. */
      readonly to: { readonly id: string } | { readonly uri: string }
      readonly client: Client
      readonly userId: UserId
      readonly isNew: boolean
    }
  /** The browser is signed in, and goes on to a path of this server. */
  | { readonly kind: 'signedIn'; readonly next: string; readonly setCookie: string }
  /** Somebody who is signed in is asked whether the identity is to open their account too; `id`: for `LinkIdentities`. */
  | { readonly kind: 'link'; readonly id: string }
  | NewAccountStep
  /** The person is asked whether they began this. `operation` is that of the authentication session. */
  | {
      readonly kind: 'confirm'
      readonly id: string
      readonly name: string
      readonly operation: string
      readonly requester: UserId | undefined
    }
  /** For a client that visits the redirect URI itself: the answer that its next request would have got. */
  | { readonly kind: 'answered'; readonly type: string; readonly answer: UiaAnswer<JsonObject> }

export interface NewAccountStep {
  readonly kind: 'newAccount'
  readonly id: string
  readonly provider: string
  readonly localpart: string
  readonly displayName: string | undefined
  /** The reason why the last attempt failed. */
  readonly refusal: { readonly status: number; readonly text: string } | undefined
}

/** A sign-in between the return from a provider and its end. */
export type PendingSignIn =
  | { readonly kind: 'goOn'; readonly userId: UserId; readonly redirectUrl: string }
  | {
      readonly kind: 'newAccount'
      readonly identity: Identity
      /** undefined: the browser goes to `next`. */
      readonly redirectUrl?: string | undefined
      readonly next?: string | undefined
    }
  /** `browser`: the id of the browser session that began. */
  | { readonly kind: 'link'; readonly identity: Identity; readonly next: string; readonly browser: string }
  | { readonly kind: 'stage'; readonly identity: Identity; readonly session: string; readonly type: string }

/** The place to which a browser goes when its person is known: a client, or a path of this server. */
export type Destination =
  | { readonly kind: 'client'; readonly redirectUrl: string }
  | { readonly kind: 'here'; readonly next: string }

export const destinationOf = ({ redirectUrl, next }: PendingSignIn & { kind: 'newAccount' }): Destination =>
  redirectUrl === undefined ? { kind: 'here', next: next ?? '/' } : { kind: 'client', redirectUrl }

export const newAccountStep = (
  id: string,
  { identity }: PendingSignIn & { kind: 'newAccount' },
  localpart: string,
  refusal: NewAccountStep['refusal'],
): NewAccountStep => ({
  kind: 'newAccount',
  id,
  provider: identity.providerName,
  localpart,
  displayName: identity.displayName,
  refusal,
})

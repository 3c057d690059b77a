/** The purpose of a sign-in, which decides what happens when the person comes back. */
export type SignInPurpose =
  /** `m.login.sso`: the browser goes on to the client with a login token. */
  | {
      readonly kind: 'login'
      readonly redirectUrl: string
      /** The URL as the client wrote it, for comparisons letter by letter. */
      readonly asked?: string
    }
  /** The pages of this server: the browser gets a session, and goes on to a path of ours. */
  | {
      readonly kind: 'browser'
      readonly next: string
      /** Somebody is signed in and adds the identity to their account: the id of their browser session. */
      readonly link?: string | undefined
    }
  /** A stage of user-interactive authentication. */
  | { readonly kind: 'stage'; readonly session: string; readonly type: string }

import type { UserId } from '#spec'

/** The invites that a user is shown: not those of ignored users, and not those against the user's invite permission. The domain answers. */
export interface InvitesShown {
  /** Whether the user is shown all invites, whoever they are from. */
  showsAll(user: number): Promise<boolean>
  /** Only invites with the verdict `allow` are shown. */
  verdict(user: number, from: UserId): Promise<'allow' | 'ignore' | 'block'>
}

export const isInviteShown = async (invites: InvitesShown, user: number, from: UserId): Promise<boolean> =>
  (await invites.verdict(user, from)) === 'allow'

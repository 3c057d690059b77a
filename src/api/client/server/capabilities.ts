import { type AnyEndpoint, endpoint, user, v3 } from '#http'
import { ROOM_VERSIONS } from '#spec'

export interface CapabilitiesDeps {
  readonly defaultRoomVersion: string
  /** Whether there is a way to prove an address that is to be added. */
  readonly threepidChanges: boolean
  readonly forgetsOnLeave: boolean
  readonly delayedEvents: { readonly max_delay_ms: number; readonly max_scheduled: number }
}

type Stability = 'stable' | 'unstable'
type Capability = { readonly enabled: boolean }
type Capabilities = {
  readonly 'm.change_password': Capability
  readonly 'm.room_versions': { readonly default: string; readonly available: Readonly<Record<string, Stability>> }
  readonly 'm.profile_fields': Capability
  readonly 'm.set_displayname': Capability
  readonly 'm.set_avatar_url': Capability
  readonly 'm.3pid_changes': Capability
  readonly 'm.get_login_token': Capability
  readonly 'm.forget_forced_upon_leave': Capability
  readonly 'm.delayed_events': CapabilitiesDeps['delayedEvents']
  readonly 'org.matrix.msc4140.delayed_events': CapabilitiesDeps['delayedEvents']
} & Moderation

/** For administrators alone; the second name is that of MSC4323. */
type Moderation = { readonly [Name in 'm.account_moderation' | 'uk.timedout.msc4323']?: typeof MAY_MODERATE }

const MAY_MODERATE = { suspend: true, lock: true }
const MODERATION: Moderation = { 'm.account_moderation': MAY_MODERATE, 'uk.timedout.msc4323': MAY_MODERATE }

/** Changes that an OAuth client leaves to the pages of the account. */
const OF_OAUTH_CLIENTS = {
  'm.change_password': { enabled: false },
  'm.3pid_changes': { enabled: false },
  'm.get_login_token': { enabled: false },
} as const

/** `capabilities.yaml`. */
export const capabilitiesEndpoints = ({
  defaultRoomVersion,
  threepidChanges,
  forgetsOnLeave,
  delayedEvents,
}: CapabilitiesDeps): readonly AnyEndpoint[] => {
  const available = Object.fromEntries(
    [...ROOM_VERSIONS.values()].map(({ id, stable }): [string, Stability] => [id, stable ? 'stable' : 'unstable']),
  )
  const capabilities: Capabilities = {
    'm.change_password': { enabled: true },
    'm.room_versions': { default: defaultRoomVersion, available },
    'm.profile_fields': { enabled: true },
    // Deprecated, but they must agree with `m.profile_fields`.
    'm.set_displayname': { enabled: true },
    'm.set_avatar_url': { enabled: true },
    'm.3pid_changes': { enabled: threepidChanges },
    'm.get_login_token': { enabled: true },
    'm.forget_forced_upon_leave': { enabled: forgetsOnLeave },
    // MSC4140, under both names.
    'm.delayed_events': delayedEvents,
    'org.matrix.msc4140.delayed_events': delayedEvents,
  }
  return [
    endpoint({
      method: 'GET',
      paths: v3('/capabilities'),
      auth: user({ guests: true }),
      rateLimit: 'read',
      handler: async ({ requester }): Promise<{ capabilities: Capabilities }> => ({
        capabilities: {
          ...capabilities,
          ...(requester.kind === 'user' && requester.admin ? MODERATION : {}),
          ...(requester.kind === 'user' && requester.oauthClient !== undefined ? OF_OAUTH_CLIENTS : {}),
        },
      }),
    }),
  ]
}

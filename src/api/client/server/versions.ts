import { type AnyEndpoint, endpoint, none } from '#http'

/** Versions without a gate; the paths of r0 and v3 are the same endpoints. */
const UNGATED = ['r0.0.1', 'r0.1.0', 'r0.2.0', 'r0.3.0', 'r0.4.0', 'r0.5.0', 'r0.6.0', 'r0.6.1', 'v1.1', 'v1.2']

const RELATIONS = '/_matrix/client/v1/rooms/{roomId}/relations/{eventId}'

/**
 * Operations that came with each version and are turned on by its name. Clients do not read the list as a claim of completeness but as switches: matrix-js-sdk (Element)
 * keeps threads on the server from v1.3 on, lists them and pages through relations from v1.4 on, and looks for dates from v1.6 on; matrix-dart-sdk (FluffyChat)
 * takes every version from v1.11 on for authenticated media, and from v1.15 on asks whether there is OAuth; ruma chooses paths by the newest version. What is turned on
 * and then fails is worse than what stays off, so a version is named once every gate up to it is served.
 *
 * Operations of r0, v1.1 and v1.2 are no gates: clients talk to no server that does not name v1.1, ask for these operations whatever is named, and
 * take 404 for "not here" (search, the hierarchy of spaces, lookups in other networks). The operations of application services, of
 * administrators and of policy servers are no gates either: no client turns something on for its user by them. Nor is `auth_metadata` of v1.15: "the
 * homeserver does not support the OAuth 2.0 API" is an answer of its own, 404 with `M_UNRECOGNIZED`, which an unknown path has. Element, Element X
 * and matrix-dart-sdk take it for that, and log in by password or provider.
 */
export const GATES: Readonly<Record<string, readonly string[]>> = {
  'v1.3': [`GET ${RELATIONS}`, `GET ${RELATIONS}/{relType}`, `GET ${RELATIONS}/{relType}/{eventType}`],
  'v1.4': ['GET /_matrix/client/v1/rooms/{roomId}/threads'],
  'v1.5': [],
  'v1.6': ['GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event'],
  'v1.7': [],
  'v1.8': [],
  'v1.9': [],
  'v1.10': [],
  'v1.11': [],
  'v1.12': [],
  'v1.13': ['POST /_matrix/client/v3/rooms/{roomId}/report'],
  'v1.14': ['POST /_matrix/client/v3/users/{userId}/report'],
  'v1.15': ['GET /_matrix/client/v1/room_summary/{roomIdOrAlias}'],
  'v1.16': [],
  'v1.17': [],
  'v1.18': [],
  'v1.19': ['GET /_matrix/client/v1/mutual_rooms'],
}

/** Parts of later versions that are served, under the names by which clients ask for each alone. */
const FEATURES: Readonly<Record<string, boolean>> = {
  // Private read receipts (v1.4).
  'org.matrix.msc2285.stable': true,
  // `m.mentions` and its push rules (v1.7).
  'org.matrix.msc3952_intentional_mentions': true,
  // Sliding sync, as Element X asks for it.
  'org.matrix.simplified_msc3575': true,
  // Authenticated media (v1.11).
  'org.matrix.msc3916.stable': true,
  // Relations of relations (v1.10): matrix-js-sdk pages through threads with them.
  'org.matrix.msc3981': true,
  // Redactions of what relates to an event.
  'org.matrix.msc3912': true,
  // Filters by types of relations.
  'org.matrix.msc3874': true,
  // `state_after` in `/sync` (v1.16).
  'org.matrix.msc4222': true,
  // Extensions of sliding sync (MSC4186): typing, messages to devices, keys, account data, receipts.
  'org.matrix.msc4508': true,
  'org.matrix.msc4508.stable': true,
  'org.matrix.msc4538': true,
  'org.matrix.msc4543': true,
  'org.matrix.msc4548': true,
  'org.matrix.msc4551': true,
  // Thread subscriptions with their push rules, which hold for users who subscribed; the list of them, and their extension of sliding sync.
  'org.matrix.msc4306': true,
  'org.matrix.msc4308': true,
  // Invites that are refused or not shown, by lists of users and servers.
  'org.matrix.msc4155': true,
  // Invites that are all refused (v1.18).
  'org.matrix.msc4380.stable': true,
  // Locks and suspensions by administrators (v1.18).
  'uk.timedout.msc4323': true,
  // All that a user sent is redacted, some events at a time.
  'org.matrix.msc4194': true,
  // Account data that is removed.
  'org.matrix.msc3391': true,
  // Transports of calls.
  'org.matrix.msc4143': true,
  // Sticky events.
  'org.matrix.msc4354': true,
  // Pushers that are switched off from another device.
  'org.matrix.msc3881': true,
  'org.matrix.msc3881.stable': true,
  // Every encrypted event is pushed, for devices to judge.
  'org.matrix.msc4028': true,
  // Fully-read markers that move backwards where asked.
  'com.beeper.msc4446': true,
  // Changes of profiles in `/sync`, which Element Web needs for the status of users, and in sliding sync.
  'org.matrix.msc4429': true,
  'org.matrix.msc4262': true,
  // Delayed events.
  'org.matrix.msc4140': true,
  // Profile fields (v1.16).
  'uk.tcpip.msc4133.stable': true,
  'uk.tcpip.msc4133': true,
  // A change of name or picture that rooms are not told.
  'org.matrix.msc4069': true,
  // Rooms shared with another user (v1.19).
  'uk.half-shot.msc2666.query_mutual_rooms': true,
}

/** Sign-in by a QR code. */
const RENDEZVOUS: Readonly<Record<string, boolean>> = { 'org.matrix.msc4108': true, 'io.element.msc4388': true }

/** The versions before the first that has a gate which is not built. */
export const versionsWithout = (notBuilt: readonly string[]): readonly string[] => {
  const missing = new Set(notBuilt)
  const gated = Object.entries(GATES)
  const end = gated.findIndex(([, operations]) => operations.some((operation) => missing.has(operation)))
  return [...UNGATED, ...gated.slice(0, end === -1 ? undefined : end).map(([version]) => version)]
}

export interface VersionsDeps {
  /** Operations of the official data, by method and path. */
  readonly notBuilt: readonly string[]
  /** Whether devices can meet here. */
  readonly rendezvous: boolean
}

type Versions = {
  readonly versions: readonly string[]
  readonly unstable_features: Readonly<Record<string, boolean>>
}

/** `versions.yaml`. */
export const versionsEndpoints = ({ notBuilt, rendezvous }: VersionsDeps): readonly AnyEndpoint[] => {
  const versions = versionsWithout(notBuilt)
  const unstable_features = rendezvous ? { ...FEATURES, ...RENDEZVOUS } : FEATURES
  return [
    endpoint({
      method: 'GET',
      paths: ['/_matrix/client/versions'],
      auth: none(),
      rateLimit: 'unlimited',
      handler: async (): Promise<Versions> => ({ versions, unstable_features }),
    }),
  ]
}

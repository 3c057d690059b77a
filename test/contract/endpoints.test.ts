import { describe, expect, it } from 'vitest'
import { type ApiDeps, apiEndpoints, NOT_BUILT, servedEndpoints } from '#api'
import { findOperation, isOpenApiPresent, readOperations } from '../support/openapi.ts'

/** The official data has these APIs from the client's side; the others are not served yet. */
const documented = readOperations()
  .filter(({ api }) => api === 'client-server')
  .map(({ method, path }) => `${method} ${path}`)

/** Parameter names are ours to choose: two spellings of one endpoint are compared without them. */
const withoutNames = (endpoint: string): string => endpoint.replace(/\{[^}]*\}/g, '{}')
const sorted = (endpoints: readonly string[]): readonly string[] => endpoints.map(withoutNames).toSorted()
const titleOf = ({ method, path }: { readonly method: string; readonly path: string }) => `${method} ${path}`

/** What the handlers would need; declaring them asks it for nothing, so it may be anything. */
const unasked: unknown = new Proxy(() => unasked, { get: () => unasked, apply: () => unasked })
const paths = servedEndpoints(apiEndpoints(unasked as ApiDeps))
const isTwin = (path: string): boolean => /^\/_matrix\/client\/(r0|unstable|api\/v1|v2_alpha)\//.test(path)
const UNDOCUMENTED = [
  // Sending without a transaction id: documented until 2015, served under every prefix ever since.
  'POST /_matrix/client/v3/rooms/{}/send/{}',
  'POST /_matrix/client/v3/rooms/{}/redact/{}',
  // "Fallback" of user-interactive authentication stands in the text alone.
  'GET /_matrix/client/v3/auth/{}/fallback/web',
  'POST /_matrix/client/v3/auth/{}/fallback/web',
  // CAS ended with r0.5.0, and is m.login.sso since.
  'GET /_matrix/client/v3/login/cas/redirect',
  'GET /_matrix/client/v3/login/cas/ticket',
  // Presence lists ended with `r0`.
  'GET /_matrix/client/v3/presence/list/{}',
  'POST /_matrix/client/v3/presence/list/{}',
  // Application services have used it since 2016, and no document has it.
  'DELETE /_matrix/client/v3/directory/list/appservice/{}/{}',
  // Of 2015 alone.
  'GET /_matrix/client/v3/register',
  'GET /_matrix/client/v3/login/fallback',
  'POST /_matrix/client/v3/tokenrefresh',
  // MSC3814, dehydrated devices, under its unstable name alone.
  ...['GET', 'PUT', 'DELETE'].map((method) => `${method} /_matrix/client/v3/org.matrix.msc3814.v1/dehydrated_device`),
  ...['GET', 'POST'].map((method) => `${method} /_matrix/client/v3/org.matrix.msc3814.v1/dehydrated_device/{}/events`),
  // MSC3266, room summaries: ruma and matrix-js-sdk ask under these names.
  'GET /_matrix/client/v3/im.nheko.summary/rooms/{}/summary',
  'GET /_matrix/client/v3/im.nheko.summary/summary/{}',
  // MSC2666, rooms in common: matrix-js-sdk asks under this name.
  'GET /_matrix/client/v3/uk.half-shot.msc2666/user/mutual_rooms',
  // MSC2965, the OAuth server: clients of before version 1.15 ask under these names.
  'GET /_matrix/client/v3/org.matrix.msc2965/auth_metadata',
  'GET /_matrix/client/v3/org.matrix.msc2965/auth_issuer',
  // MSC4108 and MSC4388, where a device that is logged in meets one that is not yet.
  'POST /_matrix/client/v3/org.matrix.msc4108/rendezvous',
  ...['GET', 'PUT', 'DELETE'].map((method) => `${method} /_matrix/client/v3/org.matrix.msc4108/rendezvous/{}`),
  ...['GET', 'POST'].map((method) => `${method} /_matrix/client/v3/io.element.msc4388/rendezvous`),
  ...['GET', 'PUT', 'DELETE'].map((method) => `${method} /_matrix/client/v3/io.element.msc4388/rendezvous/{}`),
  'PUT /_matrix/client/v3/io.element.msc4388/rendezvous/{}/{}',
  // MSC4186, sliding sync, and the name by which Element X asks for it.
  'POST /_matrix/client/v4/sync',
  'POST /_matrix/client/v3/org.matrix.simplified_msc3575/sync',
  // MSC4143, transports of calls.
  'GET /_matrix/client/v1/rtc/transports',
  'GET /_matrix/client/v3/org.matrix.msc4143/rtc/transports',
  // MSC4140, delayed events: the names of the proposal, and those that Element Call uses.
  ...['', '/org.matrix.msc4140'].map((of) => `PUT /_matrix/client/v3${of}/rooms/{}/delayed_event/{}/{}`),
  ...['v1', 'v3/org.matrix.msc4140'].flatMap((of) => [
    `GET /_matrix/client/${of}/delayed_events`,
    `GET /_matrix/client/${of}/delayed_events/{}`,
    `POST /_matrix/client/${of}/delayed_events/{}/{}`,
  ]),
  'POST /_matrix/client/v3/org.matrix.msc4140/delayed_events/{}',
  // MSC4306 and MSC4308, thread subscriptions.
  ...['GET', 'PUT', 'DELETE'].map(
    (method) => `${method} /_matrix/client/v3/io.element.msc4306/rooms/{}/thread/{}/subscription`,
  ),
  'GET /_matrix/client/v3/io.element.msc4308/thread_subscriptions',
  // MSC1763, the operator's bounds on how long messages are kept.
  'GET /_matrix/client/v3/org.matrix.msc1763/retention/configuration',
  // MSC3391, removed account data.
  'DELETE /_matrix/client/v3/org.matrix.msc3391/user/{}/account_data/{}',
  'DELETE /_matrix/client/v3/org.matrix.msc3391/user/{}/rooms/{}/account_data/{}',
  // MSC4194, all that a user sent is redacted.
  'POST /_matrix/client/v3/org.matrix.msc4194/rooms/{}/redact/user/{}',
  // MSC4133, profile fields, for clients that know the proposal alone.
  'GET /_matrix/client/v3/uk.tcpip.msc4133/profile/{}',
  ...['GET', 'PUT', 'DELETE'].map((method) => `${method} /_matrix/client/v3/uk.tcpip.msc4133/profile/{}/{}`),
  // MSC4323, by which moderation bots ask.
  ...['GET', 'PUT'].flatMap((method) =>
    ['lock', 'suspend'].map((kind) => `${method} /_matrix/client/v3/uk.timedout.msc4323/admin/${kind}/{}`),
  ),
  'PUT /_matrix/client/v3/createRoom/{}',
  'PUT /_matrix/client/v3/join/{}/{}',
  ...['ban', 'invite', 'join', 'kick', 'leave'].map((change) => `PUT /_matrix/client/v3/rooms/{}/${change}/{}`),
]
/** Without the `r0` twins and those of 2015, which are the history of the same endpoints. */
const served = paths
  .filter(({ path }) => !isTwin(path))
  .map(titleOf)
  .filter((endpoint) => !UNDOCUMENTED.includes(withoutNames(endpoint)))
const missing = NOT_BUILT

describe('the endpoints of the official data', () => {
  it('are each served, or listed as not built, never both', () => {
    const both = sorted(served).filter((endpoint) => sorted(missing).includes(endpoint))
    expect(both).toEqual([])
    expect(new Set(sorted(served)).size).toBe(served.length)
    expect(new Set(sorted(missing)).size).toBe(missing.length)
  })

  describe.skipIf(!isOpenApiPresent)('(skipped where the official data is absent)', () => {
    it('are all accounted for', () => {
      const known = new Set(sorted([...served, ...missing]))
      expect(sorted(documented).filter((endpoint) => !known.has(endpoint))).toEqual([])
    })

    it('that are listed as not built exist', () => {
      const known = new Set(sorted(documented))
      expect(sorted(missing).filter((endpoint) => !known.has(endpoint))).toEqual([])
    })

    it('are served under documented names: the current one, its twins of r0 and 2015, or none of the client-server API', () => {
      const strange = paths
        .filter(({ path }) => path.startsWith('/_matrix/client/'))
        .map(({ method, path }) => ({
          method,
          path: path.replace(/\/client\/(r0|unstable|api\/v1|v2_alpha)\//, '/client/v3/'),
        }))
        // Push rules had scopes then: all devices, and those with one profile tag.
        .map(({ method, path }) => ({
          method,
          path: path.replace(/\/pushrules\/(\{scope\}|device\/\{profileTag\})/, '/pushrules/global'),
        }))
        .filter(({ method, path }) => findOperation(method, path.replace(/\{[^}]*\}/g, 'x')) === undefined)
        .map(titleOf)
        .filter((endpoint) => !UNDOCUMENTED.includes(withoutNames(endpoint)))
      expect(strange).toEqual([])
    })
  })
})

import type { RtcTransport, TurnCredentials, TurnServers } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1, user, v1Only } from '#http'

export interface VoipDeps {
  readonly turnServers: Pick<TurnServers, 'credentials'>
  readonly rtcTransports: readonly RtcTransport[]
}

/** `voip.yaml`, and the transports of MSC4143. */
export const voipEndpoints = ({ turnServers, rtcTransports }: VoipDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV1('/voip/turnServer'),
    auth: user(),
    rateLimit: 'read',
    // Without TURN the answer is an empty object, as from other homeservers; the specification names no answer.
    handler: async ({ requester }): Promise<Partial<TurnCredentials>> => ({
      ...turnServers.credentials(requester.userId),
    }),
  }),
  endpoint({
    method: 'GET',
    // matrix-js-sdk (Element Call) and matrix-rust-sdk ask under the second name.
    paths: [...v1Only('/rtc/transports'), '/_matrix/client/unstable/org.matrix.msc4143/rtc/transports'],
    auth: user({ guests: true }),
    rateLimit: 'read',
    handler: async (): Promise<{ rtc_transports: readonly RtcTransport[] }> => ({ rtc_transports: rtcTransports }),
  }),
]

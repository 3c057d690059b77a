import type { SignRequests } from '#domain'
import { type AnyEndpoint, endpoint, server } from '#http'
import { AnyObject } from '../client/own-user.ts'

export interface PolicyServerDeps {
  /** undefined: this server is no policy server. */
  readonly signRequests: Pick<SignRequests, 'sign'> | undefined
}

/** An event of 64 KiB, and what servers add to it. */
const BODY_BYTES = 128 * 1024

/** `room_policy.yaml`, and the name that it had in MSC4284. */
export const policyServerEndpoints = ({ signRequests }: PolicyServerDeps): readonly AnyEndpoint[] =>
  signRequests === undefined
    ? []
    : [
        endpoint({
          method: 'POST',
          paths: ['/_matrix/policy/v1/sign', '/_matrix/policy/unstable/org.matrix.msc4284/sign'],
          auth: server(),
          rateLimit: 'other',
          costly: true,
          bodyLimitBytes: BODY_BYTES,
          body: AnyObject,
          handler: ({ requester, body }) => signRequests.sign(requester.serverName, body),
        }),
      ]

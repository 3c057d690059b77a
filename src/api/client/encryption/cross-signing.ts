import Type from 'typebox'
import type { ServiceAccounts, SignatureFailures, UploadCrossSigning, UploadSignatures } from '#domain'
import { type AnyEndpoint, type AsJson, byOwner, endpoint, sinceProposal, user } from '#http'
import type { JsonObject, UserId } from '#spec'
import { AnyJson, AnyObject, AuthData, pick, uiaReply } from '../authentication/auth-schemas.ts'
import { userIdOf } from './user-id-of.ts'

export interface CrossSigningDeps {
  readonly uploadCrossSigning: UploadCrossSigning
  readonly uploadSignatures: UploadSignatures
  readonly serviceAccounts: Pick<ServiceAccounts, 'isOwn'>
}

const SIGNATURES_LIMIT_BYTES = 1024 * 1024

/** `cross_signing.yaml`. */
export const crossSigningEndpoints = ({
  uploadCrossSigning,
  uploadSignatures,
  serviceAccounts,
}: CrossSigningDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceProposal('/keys/device_signing/upload'),
    // The first keys need no authentication, so a service could make itself the identity of a person who has none.
    auth: byOwner(user()),
    rateLimit: 'other',
    body: Type.Object({
      auth: Type.Optional(AuthData),
      master_key: Type.Optional(AnyJson),
      self_signing_key: Type.Optional(AnyJson),
      user_signing_key: Type.Optional(AnyJson),
    }),
    handler: async ({ requester, body }) => {
      const keys = pick(body, ['master_key', 'self_signing_key', 'user_signing_key'])
      if (serviceAccounts.isOwn(requester)) {
        await uploadCrossSigning.runForService(requester, keys)
        return {}
      }
      return uiaReply(await uploadCrossSigning.run(requester, keys, body.auth), () => ({}))
    },
  }),
  endpoint({
    method: 'POST',
    paths: sinceProposal('/keys/signatures/upload'),
    auth: user(),
    rateLimit: 'other',
    body: Type.Record(Type.String(), AnyObject),
    bodyLimitBytes: SIGNATURES_LIMIT_BYTES,
    handler: async ({ requester, body }): Promise<{ failures: AsJson<SignatureFailures> }> => {
      const targets = new Map<UserId, JsonObject>()
      for (const [userId, keys] of Object.entries(body)) targets.set(userIdOf(userId), keys)
      return { failures: await uploadSignatures.upload(requester, targets) }
    },
  }),
]

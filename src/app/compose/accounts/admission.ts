import type { Admission, Candidate } from '#domain'
import { addressRangeKey } from '#http'
import { type UserId, userAwaitsApproval } from '#spec'
import type { Ground } from '../ground/ground.ts'

interface AdmissionParts {
  toldOfApproval(userId: UserId): Promise<boolean>
  readonly tellAdministrators: (text: string) => void
}

/** Builds what decides on accounts that people make by themselves. */
export const buildAdmission = (
  { config, rateLimiter, checks }: Pick<Ground, 'config' | 'rateLimiter' | 'checks'>,
  { toldOfApproval, tellAdministrators }: AdmissionParts,
): Admission => {
  const waiting = async (userId: UserId) => userAwaitsApproval(await toldOfApproval(userId))
  return {
    admit: async ({ userId, address, from, way }: Candidate) => {
      const { ip = null, userAgent = null } = from ?? {}
      await checks?.ask('registration', () => ({
        ...{ user_id: userId, email: address ?? null, ip, user_agent: userAgent ?? null, way },
      }))
      if (from !== undefined) await rateLimiter.consume('newAccount', addressRangeKey(from.ip))
    },
    approval: config.registration.approval,
    waits: (userId) => {
      tellAdministrators(`${userId} has registered and waits for your approval.`)
      return waiting(userId)
    },
    waiting,
  }
}

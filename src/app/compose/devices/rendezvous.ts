import type { RendezvousDeps } from '#api'
import { Rendezvous } from '#domain'
import type { Ground } from '../ground/ground.ts'

/** Meetings opened from one address, which may be that of many people. */
const SESSIONS_OF_ADDRESS = 50
const SESSIONS = 200

/** Builds the meeting place of devices, where the operator has switched it on. */
export const buildRendezvous = ({ config, shortLived, clock }: Ground): RendezvousDeps | undefined => {
  const { enabled, lifetime: lifetimeMs } = config.rendezvous
  const { publicBaseUrl } = config.server
  // The login that they prepare is by OAuth.
  if (!enabled || !config.oauth.enabled || publicBaseUrl === undefined) return undefined
  const limits = { lifetimeMs, rowsOfOwner: SESSIONS_OF_ADDRESS, rows: SESSIONS }
  const rendezvous = new Rendezvous({ sessions: shortLived.table('rendezvous', limits), clock, lifetimeMs })
  return { rendezvous, clock, publicBaseUrl }
}

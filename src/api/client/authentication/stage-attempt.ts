import type { InteractiveAuth } from '#domain'
import { sentence } from '#pages'
import { type JsonObject, MatrixError } from '#spec'

export interface StageRefusal {
  readonly status: number
  readonly text: string
}

/** Tries a stage from one of our pages. Returns the reason of a refusal, in words for the page; undefined: the stage is passed. */
export const attemptStage = async (
  uia: InteractiveAuth,
  session: string,
  type: string,
  auth: JsonObject,
  ip: string,
): Promise<StageRefusal | undefined> => {
  try {
    const refusal = await uia.attemptStage(session, type, auth, ip)
    return refusal === undefined ? undefined : { status: 403, text: sentence(refusal.error) }
  } catch (error) {
    // Refusals by an error rather than a failed stage: too many attempts, another user's password or address.
    if (!(error instanceof MatrixError)) throw error
    return { status: error.status, text: sentence(error.message) }
  }
}

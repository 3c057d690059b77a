import type { InteractiveAuth } from '#domain'
import { sentence } from '#pages'
import { type JsonObject, MatrixError } from '#spec'

export interface StageRefusal {
  readonly status: number
  readonly text: string
}

/** Tries a stage from a page of ours. Answers why it was refused, in words for the person who reads the page; undefined: it is passed. */
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
    // What the stage refuses with more than a failure: too many attempts, somebody else's password or address.
    if (!(error instanceof MatrixError)) throw error
    return { status: error.status, text: sentence(error.message) }
  }
}

import type { JsonObject, UserId } from '#spec'
import { QueuedChanges, type UserNumber } from '#store'
import type { CrossSigning } from '../../e2ee/index.ts'
import type { InteractiveAuth, StageOffer, UiaAnswer } from '../../uia/index.ts'
import { OAUTH_STAGE, type ReplacingOwner } from './cross-signing-resets.ts'

/** The stages by which a user proves that it is they who replace their keys. */
export interface ReplacementProof {
  offerFor(owner: ReplacingOwner): Promise<StageOffer>
  /** Whether the user needs no proof this time. */
  takePermission(userId: UserId): Promise<boolean>
}

export interface UploadCrossSigningParts {
  readonly crossSigning: CrossSigning
  readonly proof: ReplacementProof
  readonly uia: InteractiveAuth
}

/**
 * `POST /keys/device_signing/upload`. The first keys, and those that are there already, need no authentication; others do. Client-server API,
 * "Cross-signing".
 */
export class UploadCrossSigning {
  readonly #parts: UploadCrossSigningParts
  /** By user. */
  readonly #changes = new QueuedChanges<UserNumber>()

  constructor(parts: UploadCrossSigningParts) {
    this.#parts = parts
  }

  /** The same for the application service of the user, which needs no authentication. */
  async runForService(owner: ReplacingOwner, body: JsonObject): Promise<void> {
    const { crossSigning } = this.#parts
    await this.#changes.run(owner.user, async () => crossSigning.store(owner, await crossSigning.setting(owner, body)))
  }

  /** `body`: `master_key`, `self_signing_key`, `user_signing_key`. Throws what `CrossSigning.setting` throws. */
  async run(owner: ReplacingOwner, body: JsonObject, auth: JsonObject | undefined): Promise<UiaAnswer<void>> {
    const { crossSigning } = this.#parts
    // A later request of an authentication session may name the session only.
    if (Object.keys(body).length === 0 && auth !== undefined) return this.#authenticated(owner, body, auth)
    const isDone = await this.#changes.run(owner.user, async () => {
      const setting = await crossSigning.setting(owner, body)
      if (crossSigning.isReplacement(setting) && !(await this.#parts.proof.takePermission(owner.userId))) return false
      await crossSigning.store(owner, setting)
      return true
    })
    return isDone ? { kind: 'done', result: undefined } : this.#authenticated(owner, body, auth)
  }

  async #authenticated(
    owner: ReplacingOwner,
    body: JsonObject,
    given: JsonObject | undefined,
  ): Promise<UiaAnswer<void>> {
    const { crossSigning, proof, uia } = this.#parts
    const offer = await proof.offerFor(owner)
    const auth = owner.oauthClient === undefined ? given : asOAuthStage(given)
    return uia.run(
      { operation: 'POST /keys/device_signing/upload', requester: owner.userId, ...offer, auth, body },
      {
        check: async (asked) => {
          await crossSigning.setting(owner, asked)
        },
        perform: (granted) =>
          this.#changes.run(owner.user, async () =>
            crossSigning.store(owner, await crossSigning.setting(owner, granted.body)),
          ),
      },
    )
  }
}

/** "The client submits an `auth` dict with just the `session`": it means the stage. */
const asOAuthStage = (auth: JsonObject | undefined): JsonObject | undefined =>
  auth === undefined || auth.type !== undefined ? auth : { ...auth, type: OAUTH_STAGE }

import type { Clock, Random } from '#base'
import type { UserId } from '#spec'
import type { ShortLivedTable } from '#store'
import { OAuthRefusal } from './refusal.ts'
import { type GrantedScope, grantableBy } from './scope.ts'

/** A device that waits until a person lets it in, elsewhere. */
export interface KeptDeviceGrant extends GrantedScope {
  readonly clientId: string
  readonly userCode: string
  readonly expiresAtMs: number
  /** The shortest time between two questions of the device; grows with questions that come too early. */
  readonly intervalMs: number
  readonly nextQuestionMs: number
  readonly decision:
    | { readonly kind: 'none' | 'denied' }
    | {
        readonly kind: 'allowed'
        readonly userId: UserId
        /** Whether the person administers the server. */
        readonly isAdmin: boolean
      }
}

export interface DeviceGrantsParts {
  /** By the code of the device. */
  readonly grants: ShortLivedTable<KeptDeviceGrant>
  /** By the code for people. */
  readonly userCodes: ShortLivedTable<{ readonly deviceCode: string }>
  readonly clock: Clock
  readonly random: Random
}

export const DEVICE_GRANT_LIFETIME_MS = 15 * 60_000
export const DEVICE_GRANT_INTERVAL_MS = 5_000
/** A question may come that much too early, as clocks differ. */
const EARLY_MS = 500
/** Consonants that are not taken for each other and make no words: RFC 8628, section 6.1. 20 ^ 8 codes. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const CODE_LENGTH = 8
const TRIES = 10

export interface BegunDeviceGrant {
  readonly deviceCode: string
  readonly userCode: string
}

/** The device authorisation grant: RFC 8628. */
export class DeviceGrants {
  readonly #parts: DeviceGrantsParts

  constructor(parts: DeviceGrantsParts) {
    this.#parts = parts
  }

  /** `address`: the grants of one are limited. */
  async begin(clientId: string, asked: GrantedScope, address: string): Promise<BegunDeviceGrant> {
    const { grants, userCodes, clock, random } = this.#parts
    const deviceCode = random.token(43)
    for (let left = TRIES; left > 0; left--) {
      const code = userCodeFrom(random)
      if (!(await userCodes.add({ deviceCode }, { id: code, owner: address }))) continue
      const nowMs = clock.nowMs()
      const userCode = `${code.slice(0, 4)}-${code.slice(4)}`
      const grant: KeptDeviceGrant = {
        ...{ ...asked, clientId, userCode },
        expiresAtMs: nowMs + DEVICE_GRANT_LIFETIME_MS,
        intervalMs: DEVICE_GRANT_INTERVAL_MS,
        nextQuestionMs: nowMs,
        decision: { kind: 'none' },
      }
      await grants.put(grant, { id: deviceCode, owner: address })
      return { deviceCode, userCode }
    }
    throw new Error('no free code was found for a device')
  }

  /** The grant that waits under a code as a person typed it. */
  async waiting(typed: string): Promise<KeptDeviceGrant | undefined> {
    const found = await this.#parts.userCodes.find(normalised(typed))
    const grant = found === undefined ? undefined : await this.#parts.grants.find(found.deviceCode)
    return grant?.decision.kind === 'none' ? grant : undefined
  }

  /** Stores what a person decided, once. false: the code is unknown by now. */
  async decide(typed: string, decision: Exclude<KeptDeviceGrant['decision'], { kind: 'none' }>): Promise<boolean> {
    const { grants, userCodes } = this.#parts
    const found = await userCodes.take(normalised(typed))
    if (found === undefined) return false
    const changed = await grants.change(found.deviceCode, (grant) => ({
      value: { ...grant, decision },
      // A grant that a user allowed counts as theirs, and goes with their sessions.
      ...(decision.kind === 'allowed' ? { owner: decision.userId } : {}),
    }))
    return changed !== undefined
  }

  /** The device asks. Throws `authorization_pending`, `slow_down`, `access_denied`, `expired_token`. The grant is over when it is given. */
  async ask(clientId: string, deviceCode: string): Promise<KeptDeviceGrant & { readonly userId: UserId }> {
    const { grants, clock } = this.#parts
    const known = await grants.find(deviceCode)
    if (known === undefined || known.clientId !== clientId) throw expired()
    if (known.decision.kind === 'none') await this.#mindPace(deviceCode, clock.nowMs())
    const decided = known.decision.kind === 'none' ? undefined : await grants.take(deviceCode)
    if (decided === undefined) throw expired()
    if (decided.decision.kind !== 'allowed')
      throw new OAuthRefusal('access_denied', 'The person did not let the device in')
    return { ...grantableBy(decided, decided.decision.isAdmin), userId: decided.decision.userId }
  }

  /** Always throws, as nothing is decided yet. */
  async #mindPace(deviceCode: string, nowMs: number): Promise<never> {
    let early = false
    await this.#parts.grants.change(deviceCode, (grant) => {
      early = nowMs < grant.nextQuestionMs - EARLY_MS
      const intervalMs = early ? grant.intervalMs + DEVICE_GRANT_INTERVAL_MS : grant.intervalMs
      return { value: { ...grant, intervalMs, nextQuestionMs: nowMs + intervalMs } }
    })
    if (early) throw new OAuthRefusal('slow_down', 'The device asks too often')
    throw new OAuthRefusal('authorization_pending', 'Nobody has decided yet')
  }
}

const userCodeFrom = (random: Random): string => {
  let code = ''
  while (code.length < CODE_LENGTH) {
    // Bytes from 240 on would make some letters more frequent than others.
    for (const byte of random.bytes(CODE_LENGTH))
      if (byte < 240 && code.length < CODE_LENGTH) code += LETTERS[byte % 20]
  }
  return code
}

const normalised = (typed: string): string =>
  typed
    .slice(0, 64)
    .toUpperCase()
    .replaceAll(/[^A-Z]/g, '')

const expired = (): OAuthRefusal => new OAuthRefusal('expired_token', 'The code is unknown, used or expired')

import { CryptoEvent } from 'matrix-js-sdk/lib/crypto-api/CryptoEvent.js'
import {
  type ShowSasCallbacks,
  VerificationPhase,
  type VerificationRequest,
  VerificationRequestEvent,
} from 'matrix-js-sdk/lib/crypto-api/verification.js'
import { VerificationMethod } from 'matrix-js-sdk/lib/types.js'
import { expect } from 'vitest'
import type { EncryptingClient } from './encrypting-client.ts'

const phaseIs = (request: VerificationRequest, phase: VerificationPhase): Promise<void> =>
  new Promise((resolve, reject) => {
    const look = (): void => {
      if (request.phase === VerificationPhase.Cancelled) reject(new Error(`cancelled: ${request.cancellationCode}`))
      if (request.phase < phase) return
      request.off(VerificationRequestEvent.Change, look)
      resolve()
    }
    request.on(VerificationRequestEvent.Change, look)
    look()
  })

export const requestTo = (client: EncryptingClient): Promise<VerificationRequest> =>
  new Promise((resolve) => client.client.once(CryptoEvent.VerificationRequestReceived, resolve))

/** The emoji that are shown to compare. The SDK may put another verifier in the place of the one that it gave first. */
const sasOf = async (request: VerificationRequest): Promise<ShowSasCallbacks> => {
  // Each step is a message to the other device and a round of its sync: a second is not enough where others run beside.
  const poll = { timeout: 30_000 }
  await expect.poll(() => request.verifier?.getShowSasCallbacks() ?? undefined, poll).toBeDefined()
  const shown = request.verifier?.getShowSasCallbacks()
  if (!shown) throw new Error('what was shown is gone')
  return shown
}

/**
 * Requests under way. The SDK holds them weakly and leaves it to the app to keep them: what only waits for their next step would be collected with them, and hear
 * nothing any more.
 */
const underWay = new Set<VerificationRequest>()

/** Two people, or two devices, compare what each of them sees, and find it equal. */
export const verifyBySas = async (asked: VerificationRequest, received: VerificationRequest): Promise<void> => {
  const both = [asked, received]
  for (const one of both) underWay.add(one)
  try {
    await compare(asked, received)
  } finally {
    for (const one of both) underWay.delete(one)
  }
}

const compare = async (asked: VerificationRequest, received: VerificationRequest): Promise<void> => {
  await received.accept()
  await phaseIs(asked, VerificationPhase.Ready)
  const verifier = await asked.startVerification(VerificationMethod.Sas)
  const begun = [verifier.verify()]
  await phaseIs(received, VerificationPhase.Started)
  if (received.verifier === undefined) throw new Error('a verification that started has no verifier')
  begun.push(received.verifier.verify())
  const [shown, seen] = [await sasOf(asked), await sasOf(received)]
  expect(shown.sas.emoji).toEqual(seen.sas.emoji)
  expect(shown.sas.emoji).toHaveLength(7)
  await Promise.all([shown.confirm(), seen.confirm()])
  const done = Promise.all([phaseIs(asked, VerificationPhase.Done), phaseIs(received, VerificationPhase.Done)])
  await Promise.race([done, Promise.all(begun).then(() => done)])
}

import type { Answer, Json, TestClient } from '../../support/client.ts'
import { PASSWORD } from '../../support/client.ts'
import { newPair, type SigningPair, signed } from './fixture.ts'

/** The three key pairs of a person, and the body that uploads their public parts. */
export interface CrossSigningKeys {
  readonly master: SigningPair
  readonly selfSigning: SigningPair
  readonly userSigning: SigningPair
  readonly body: Json
}

export const publicKeyObject = (userId: string, usage: string, pair: SigningPair): Json => ({
  user_id: userId,
  usage: [usage],
  keys: { [`ed25519:${pair.publicKey}`]: pair.publicKey },
})

/** Keys of the user; the others are signed by `master`. */
export const crossSigningKeys = (userId: string, master: SigningPair = newPair()): CrossSigningKeys => {
  const [selfSigning, userSigning] = [newPair(), newPair()]
  const signedByMaster = (usage: string, pair: SigningPair): Json =>
    signed(publicKeyObject(userId, usage, pair), userId, `ed25519:${master.publicKey}`, master)
  return {
    ...{ master, selfSigning, userSigning },
    body: {
      master_key: publicKeyObject(userId, 'master', master),
      self_signing_key: signedByMaster('self_signing', selfSigning),
      user_signing_key: signedByMaster('user_signing', userSigning),
    },
  }
}

export const uploadSigning = (client: TestClient, body: Json): Promise<Answer> =>
  client.request('POST', '/v3/keys/device_signing/upload', { body })

/** The request again, with the password in the authentication session of the answer. */
export const withPassword = (client: TestClient, { body: challenge }: Answer, body: Json): Promise<Answer> => {
  const identifier = { type: 'm.id.user', user: client.userId }
  const auth = { type: 'm.login.password', session: challenge.session, identifier, password: PASSWORD }
  return uploadSigning(client, { ...body, auth })
}

export const uploadSignatures = async (client: TestClient, body: Json): Promise<Json> =>
  (await client.post('/v3/keys/signatures/upload', body)).failures

import { nodeSigner, type SignerMaker } from '#rules'

const SECRET_KEY_BYTES = 64
const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64
/** No event is longer, and the signed part of it is shorter; a longer text gets a buffer of its own. */
const TEXT_BYTES = 65_536

/**
 * Signs by libsodium, in about half the time of Node's own cryptography, with the same signatures. undefined where libsodium has no build for
 * this machine.
 */
export const loadSodiumSigner = async (): Promise<SignerMaker | undefined> => {
  try {
    return sodiumSigner((await import('sodium-native')).default)
  } catch {
    return undefined
  }
}

/** Begins with Node's own cryptography and goes on with libsodium, which is loaded when something is signed: it takes 10 MB. */
export const quickSigner: SignerMaker = (seed) => {
  let sign = nodeSigner(seed)
  let isAsked = false
  return (text) => {
    if (!isAsked) {
      isAsked = true
      void loadSodiumSigner().then((makeSigner) => {
        if (makeSigner !== undefined) sign = makeSigner(seed)
      })
    }
    return sign(text)
  }
}

const sodiumSigner =
  (sodium: typeof import('sodium-native')): SignerMaker =>
  (seed) => {
    const secretKey = Buffer.alloc(SECRET_KEY_BYTES)
    sodium.crypto_sign_seed_keypair(Buffer.alloc(PUBLIC_KEY_BYTES), secretKey, Buffer.from(seed))
    const signature = Buffer.alloc(SIGNATURE_BYTES)
    const held = Buffer.alloc(TEXT_BYTES)
    return (text) => {
      // Three bytes at most for each unit of UTF-16.
      const bytes = text.length * 3 <= TEXT_BYTES ? held.subarray(0, held.write(text)) : Buffer.from(text)
      sodium.crypto_sign_detached(signature, bytes, secretKey)
      return signature
    }
  }

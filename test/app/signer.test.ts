import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodeSigner } from '#rules'
import { loadSodiumSigner, quickSigner } from '../../src/app/host/signer.ts'

test.each(['as it begins', 'as libsodium'])(
  'the signer of the server, %s, signs as Node does, whatever the text and however long',
  async (how) => {
    const makeSigner = how === 'as it begins' ? quickSigner : ((await loadSodiumSigner()) ?? quickSigner)
    const texts = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('', 'x'.repeat(70_000), 'é'.repeat(40_000), '😀'.repeat(12_000)),
    )
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.array(texts, { maxLength: 3 }), (seed, all) => {
        const [quick, plain] = [makeSigner(seed), nodeSigner(seed)]
        for (const text of all) expect(Buffer.from(quick(text))).toEqual(Buffer.from(plain(text)))
      }),
      { numRuns: 50 },
    )
  },
)

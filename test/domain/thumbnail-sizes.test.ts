import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ImageFacts, planThumbnail, type ThumbnailRequest } from '#domain'

const side = fc.oneof(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 5_000 }))
const image: fc.Arbitrary<ImageFacts> = fc.record({
  format: fc.constantFrom('jpeg', 'png', 'gif', 'webp', 'avif'),
  width: side,
  height: side,
  moves: fc.boolean(),
  framesFit: fc.boolean(),
  transparent: fc.boolean(),
})
const request: fc.Arbitrary<ThumbnailRequest> = fc.record({
  width: side,
  height: side,
  method: fc.constantFrom('crop', 'scale'),
  animated: fc.boolean(),
})

/** What the image library makes of a plan. */
const madeSize = (facts: ImageFacts, plan: { width: number; height: number; fit: string }) => {
  if (plan.fit === 'cover') return { width: plan.width, height: plan.height }
  const factor = Math.min(1, plan.width / facts.width, plan.height / facts.height)
  return { width: facts.width * factor, height: facts.height * factor }
}

describe('the size of a thumbnail', () => {
  it('is never more than the image has', () => {
    fc.assert(
      fc.property(image, request, (facts, wanted) => {
        const plan = planThumbnail(facts, wanted)
        if (plan.kind === 'original') return
        const { width, height } = madeSize(facts, plan)
        expect(width).toBeLessThanOrEqual(facts.width)
        expect(height).toBeLessThanOrEqual(facts.height)
      }),
    )
  })

  it('is never less than was wanted where the image has it, up to the largest size of the list', () => {
    fc.assert(
      fc.property(image, request, (facts, wanted) => {
        fc.pre(wanted.width <= 640 && wanted.height <= 360)
        const plan = planThumbnail(facts, wanted)
        if (plan.kind === 'original') return
        const { width, height } = madeSize(facts, plan)
        if (wanted.method === 'scale') {
          // The whole image within a size that is no smaller than the one asked for: it reaches that on one side at least.
          expect(width >= Math.min(wanted.width, facts.width) || height >= Math.min(wanted.height, facts.height)).toBe(
            true,
          )
        } else if (facts.width >= 1_280 && facts.height >= 800) {
          expect([width >= wanted.width, height >= wanted.height]).toEqual([true, true])
        }
      }),
    )
  })

  it('is the original where that is no larger than what is asked for', () => {
    fc.assert(
      fc.property(image, request, (facts, wanted) => {
        fc.pre(facts.width <= wanted.width && facts.height <= wanted.height)
        fc.pre(facts.format !== 'avif' && (!facts.moves || wanted.animated))
        expect(planThumbnail(facts, wanted)).toEqual({ kind: 'original' })
      }),
    )
  })

  it('moves only where that is wanted, and is in a format of thumbnails', () => {
    fc.assert(
      fc.property(image, request, (facts, wanted) => {
        const plan = planThumbnail(facts, wanted)
        if (plan.kind === 'original') {
          expect(facts.format).not.toBe('avif')
          if (facts.moves) expect(wanted.animated).toBe(true)
        } else if (plan.animated) expect([wanted.animated, facts.moves, facts.framesFit]).toEqual([true, true, true])
      }),
    )
  })

  it('is one of few for one image', () => {
    fc.assert(
      fc.property(image, fc.array(request, { minLength: 50, maxLength: 200 }), (facts, requests) => {
        const variants = requests
          .map((wanted) => planThumbnail(facts, wanted))
          .map((plan) => 'variant' in plan && plan.variant)
        expect(new Set(variants).size).toBeLessThanOrEqual(40)
        for (const variant of variants) if (variant !== false) expect(variant).toMatch(/^[a-z0-9-]{1,32}$/)
      }),
      { numRuns: 30 },
    )
  })

  it('has one name for equal plans of one image', () => {
    fc.assert(
      fc.property(image, request, request, (facts, one, other) => {
        const [a, b] = [planThumbnail(facts, one), planThumbnail(facts, other)]
        fc.pre(a.kind === 'made' && b.kind === 'made' && a.variant === b.variant)
        expect(a).toEqual(b)
      }),
    )
  })
})

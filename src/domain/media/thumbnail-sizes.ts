/** Facts of an image that need no decoding. Sizes are those after turning the image as its EXIF data says. */
export interface ImageFacts {
  readonly format: ImageFormat
  readonly width: number
  readonly height: number
  /** Whether it has frames. */
  readonly moves: boolean
  /** Whether all its frames may be decoded; if not, only the first is. */
  readonly framesFit: boolean
  readonly transparent: boolean
}

export type ImageFormat = 'jpeg' | 'png' | 'gif' | 'webp' | 'avif'

export interface ThumbnailRequest {
  readonly width: number
  readonly height: number
  readonly method: 'crop' | 'scale'
  readonly animated: boolean
}

/** `original`: the uploaded file is served. `made`: the thumbnail to make; equal plans have equal variants. */
export type ThumbnailPlan =
  | { readonly kind: 'original' }
  | {
      readonly kind: 'made'
      /** Lower-case letters, digits and `-`. */
      readonly variant: string
      readonly width: number
      readonly height: number
      /** `inside`: the whole image within that size. `cover`: that size, cut at the sides. Never larger than the image. */
      readonly fit: 'inside' | 'cover'
      readonly animated: boolean
    }

type Size = readonly [width: number, height: number]

/** The sizes that the specification names, and a few for avatars on dense screens and for large previews. */
const SCALE_SIZES: readonly Size[] = [
  [96, 96],
  [320, 240],
  [640, 480],
  [800, 600],
  [1_600, 1_200],
]
const CROP_SIZES: readonly Size[] = [
  [32, 32],
  [96, 96],
  [160, 160],
  [320, 320],
  [640, 640],
  [800, 800],
  [320, 240],
  [640, 480],
  [800, 600],
  [240, 320],
  [480, 640],
  [640, 360],
  [1_280, 720],
  [360, 640],
]
const LARGEST: Size = [1_600, 1_200]

/** The formats in which a thumbnail may be answered, and so an original that needs no change. */
const SERVABLE: ReadonlySet<ImageFormat> = new Set(['jpeg', 'png', 'gif', 'webp'])

/**
 * Plans the thumbnail for a request (client-server API, "Thumbnails"): the smallest size of the list that is no smaller than the
 * requested size, and never larger than the image; the original if it is no larger, or if the request is beyond the list.
 */
export const planThumbnail = (image: ImageFacts, wanted: ThumbnailRequest): ThumbnailPlan => {
  const animated = wanted.animated && image.moves && image.framesFit
  // An animation is served only on request.
  const asItIs = SERVABLE.has(image.format) && (!image.moves || wanted.animated)
  const small = image.width <= wanted.width && image.height <= wanted.height
  const size = wanted.method === 'scale' ? scaleSize(wanted) : cropSize(wanted)
  const whole = small || size === undefined || (wanted.method === 'scale' && fits(image, size))
  if (whole && asItIs) return { kind: 'original' }
  if (whole || wanted.method === 'scale') {
    const [width, height] = whole ? LARGEST : (size ?? LARGEST)
    return {
      kind: 'made',
      variant: variantOf('scale', width, height, animated),
      width,
      height,
      fit: 'inside',
      animated,
    }
  }
  const [width, height] = size
  const shrunk = Math.min(1, image.width / width, image.height / height)
  return {
    kind: 'made',
    variant: variantOf('crop', width, height, animated),
    // The largest part of the image that has the shape of the size.
    width: Math.max(1, Math.round(width * shrunk)),
    height: Math.max(1, Math.round(height * shrunk)),
    fit: 'cover',
    animated,
  }
}

/** The thumbnail to ask another server for: one of the sizes of the list, so that few different ones are kept. */
export const remoteThumbnailOf = (wanted: ThumbnailRequest): ThumbnailRequest => {
  const [width, height] = (wanted.method === 'scale' ? scaleSize(wanted) : cropSize(wanted)) ?? LARGEST
  return { ...wanted, width, height }
}

const variantOf = (method: string, width: number, height: number, animated: boolean): string =>
  `${method}-${width}x${height}${animated ? '-animated' : ''}`

const fits = (image: ImageFacts, [width, height]: Size): boolean => image.width <= width && image.height <= height

const scaleSize = (wanted: ThumbnailRequest): Size | undefined =>
  SCALE_SIZES.find(([width, height]) => width >= wanted.width && height >= wanted.height)

/** The size with the nearest shape among those large enough; of equal shapes the smallest. */
const cropSize = (wanted: ThumbnailRequest): Size | undefined => {
  const shape = Math.log(wanted.width / wanted.height)
  const distance = ([width, height]: Size): number => Math.round(100 * Math.abs(Math.log(width / height) - shape))
  return CROP_SIZES.filter(([width, height]) => width >= wanted.width && height >= wanted.height).toSorted(
    (a, b) => distance(a) - distance(b) || a[0] * a[1] - b[0] * b[1],
  )[0]
}

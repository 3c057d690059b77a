import { open } from 'node:fs/promises'
import { MatrixError } from '#spec'
import type { ImageFacts, ImageFormat, ThumbnailPlan } from './thumbnail-sizes.ts'

export interface ImageLimits {
  /** Pixels of all frames together. */
  readonly maxPixels: number
  readonly timeoutMs: number
}

export interface MadeImage {
  readonly bytes: Uint8Array
  readonly contentType: string
}

/** The formats that the library may read: the common ones of the web. No SVG, no documents, nothing that refers to other files. */
const LOADERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif'].map((name) => `VipsForeignLoad${name}`)

type Sharp = typeof import('sharp')['default']
let loading: Promise<Sharp> | undefined

/** Loads the library with the first image, as it needs memory. */
const loadSharp = (): Promise<Sharp> => {
  loading ??= import('sharp').then(({ default: sharp }) => {
    sharp.block({ operation: ['VipsForeignLoad'] })
    sharp.unblock({ operation: LOADERS })
    sharp.cache(false)
    // One thread for each image; the number of images at a time is limited elsewhere.
    sharp.concurrency(1)
    return sharp
  })
  return loading
}

const FORMATS: Readonly<Record<string, ImageFormat>> = {
  jpeg: 'jpeg',
  png: 'png',
  gif: 'gif',
  webp: 'webp',
  heif: 'avif',
}

const noThumbnail = (cause?: unknown): MatrixError =>
  new MatrixError('M_UNKNOWN', 'There is no thumbnail of such a file', { status: 400, cause })
const tooLargeImage = (cause?: unknown): MatrixError =>
  new MatrixError('M_TOO_LARGE', 'The image is too large for a thumbnail', { cause })

/** The image library, which decodes on threads of its own. Refuses files that are no images with `M_UNKNOWN` (400). */
export class ImageLibrary {
  readonly #limits: ImageLimits

  constructor(limits: ImageLimits) {
    this.#limits = limits
  }

  /** Reads the header of a file. Throws `M_UNKNOWN` (400), and `M_TOO_LARGE` for more pixels than are decoded. */
  async facts(path: string): Promise<ImageFacts> {
    const sharp = await loadSharp()
    const header = await sharp(path, { limitInputPixels: false }).metadata().catch(refuse)
    const format = FORMATS[header.format]
    if (format === undefined || header.width < 1 || header.height < 1) throw noThumbnail()
    if (header.width * header.height > this.#limits.maxPixels) throw tooLargeImage()
    const height = header.pageHeight ?? header.height
    const pages = header.pages ?? 1
    const isApng = format === 'png' && (await mayBeApng(path))
    // Turned by a quarter: EXIF orientations 5 to 8.
    const turned = (header.orientation ?? 1) >= 5
    return {
      format,
      width: turned ? height : header.width,
      height: turned ? header.width : height,
      moves: isApng || (pages > 1 && (format === 'gif' || format === 'webp')),
      framesFit: !isApng && pages * height * header.width <= this.#limits.maxPixels,
      transparent: header.hasAlpha,
    }
  }

  /** Throws `M_UNKNOWN` (400) for a broken image, `M_TOO_LARGE` for one that takes too long. */
  async make(path: string, plan: ThumbnailPlan & { readonly kind: 'made' }, facts: ImageFacts): Promise<MadeImage> {
    const sharp = await loadSharp()
    const { maxPixels, timeoutMs } = this.#limits
    const image = sharp(path, {
      limitInputPixels: maxPixels,
      failOn: 'error',
      sequentialRead: true,
      animated: plan.animated,
    }).timeout({ seconds: Math.max(1, Math.ceil(timeoutMs / 1_000)) })
    const upright = plan.animated ? image : image.autoOrient()
    const { width, height, fit } = plan
    const sized = upright.resize({ width, height, fit, withoutEnlargement: true })
    const encoded = plan.animated
      ? sized.webp({ quality: 80, effort: 2 })
      : facts.transparent
        ? sized.png()
        : sized.jpeg({ quality: 80 })
    const { data, info } = await encoded.toBuffer({ resolveWithObject: true }).catch(refuse)
    return { bytes: data, contentType: `image/${info.format}` }
  }
}

const PNG_LOOK_BYTES = 65_536

/** Whether a PNG may be animated: the library sees only its first frame, but the mark of an animation stands before that frame's data. */
const mayBeApng = async (path: string): Promise<boolean> => {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PNG_LOOK_BYTES), 0, PNG_LOOK_BYTES, 0)
    const head = buffer.subarray(0, bytesRead)
    const data = head.indexOf('IDAT')
    const control = head.indexOf('acTL')
    return data === -1 ? true : control !== -1 && control < data
  } finally {
    await file.close()
  }
}

const refuse = (error: unknown): never => {
  const text = error instanceof Error ? error.message : ''
  throw /timeout|pixel limit/i.test(text) ? tooLargeImage(error) : noThumbnail(error)
}

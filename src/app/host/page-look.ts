import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { Readable } from 'node:stream'
import type { Config } from '#config'
import { type AnyEndpoint, CustomReply, endpoint, FileReply, none } from '#http'
import { ICON_PATH, iconSvg, LOGO_PATH, type Look, lookOf } from '#pages'
import { reasonOf, StartError } from './start-error.ts'

export interface ServerLook {
  readonly look: Look
  /** The endpoints of the icon and the logo. */
  readonly images: readonly AnyEndpoint[]
}

interface Logo {
  readonly bytes: Buffer
  readonly contentType: string
}

const MAX_LOGO_BYTES = 512 * 1024
const TYPES: Readonly<Record<string, string>> = {
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
}
/** An SVG that is opened by itself runs no script. */
const HEADERS = {
  'Cache-Control': 'public, max-age=86400',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  'X-Content-Type-Options': 'nosniff',
}

/** Reads the operator's choices about the pages. Throws `StartError` for a logo that is none. */
export const openLook = async ({ server, pages, support }: Config): Promise<ServerLook> => {
  const logo = pages.logoFile === undefined ? undefined : await readLogo(pages.logoFile)
  const look = lookOf({
    serverName: server.name,
    operatorName: pages.operatorName,
    colour: pages.colour,
    hasLogo: logo !== undefined,
    help: { page: support.page, email: support.adminEmail, matrixId: support.adminMatrixId },
  })
  const icon = iconSvg(pages.colour)
  const paths: readonly [string, ...string[]] = [ICON_PATH, '/favicon.ico']
  return {
    look,
    images: [
      imageEndpoint(
        paths,
        async () =>
          new CustomReply({ status: 200, headers: { 'Content-Type': 'image/svg+xml', ...HEADERS }, body: icon }),
      ),
      ...(logo === undefined ? [] : [imageEndpoint([LOGO_PATH], async () => fileOf(logo))]),
    ],
  }
}

const imageEndpoint = (
  paths: readonly [string, ...string[]],
  handler: () => Promise<CustomReply | FileReply>,
): AnyEndpoint => endpoint({ method: 'GET', paths, auth: none(), rateLimit: 'unlimited', handler })

const fileOf = ({ bytes, contentType }: Logo): FileReply =>
  new FileReply({
    contentType,
    sizeBytes: bytes.length,
    etag: 'logo',
    headers: HEADERS,
    open: async (range) => Readable.from([range === undefined ? bytes : bytes.subarray(range.start, range.end + 1)]),
  })

const readLogo = async (file: string): Promise<Logo> => {
  const contentType = TYPES[extname(file).toLowerCase()]
  if (contentType === undefined) throw unusable(file, `its name must end in one of ${Object.keys(TYPES).join(', ')}`)
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (cause) {
    throw unusable(file, reasonOf(cause))
  }
  if (bytes.length > MAX_LOGO_BYTES) throw unusable(file, `it has more than ${MAX_LOGO_BYTES / 1024} KiB`)
  return { bytes, contentType }
}

const unusable = (file: string, why: string): StartError =>
  new StartError(`The logo of the pages, ${file} (pages.logoFile), cannot be used: ${why}`, { exitCode: 78 })

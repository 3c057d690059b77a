import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import type { Json, TestClient } from '../../support/client.ts'
import type { TestHomeserver } from '../../support/homeserver.ts'

export interface Fetched {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
  /** Of an answer that is JSON. */
  readonly json: Json
}

export interface FetchOptions {
  readonly method?: string
  readonly body?: Uint8Array | ReadableStream
  readonly headers?: Readonly<Record<string, string>>
  readonly token?: string | undefined
}

/** A request whose answer may be any bytes. */
export const fetchBytes = async (
  homeserver: TestHomeserver,
  path: string,
  { method = 'GET', body, headers, token }: FetchOptions = {},
): Promise<Fetched> => {
  const response = await fetch(`${homeserver.url}${path}`, {
    method,
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    ...(body === undefined ? {} : { body, duplex: 'half' }),
  } as RequestInit)
  const bytes = Buffer.from(await response.arrayBuffer())
  const isJson = response.headers.get('content-type') === 'application/json' && bytes[0] === 0x7b
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    json: isJson ? JSON.parse(bytes.toString()) : undefined,
  }
}

export interface UploadOptions {
  readonly type?: string
  readonly name?: string
  readonly path?: string
  readonly method?: string
}

/** One person's view of the content repository. */
export class MediaUser {
  readonly client: TestClient
  readonly #homeserver: TestHomeserver

  constructor(homeserver: TestHomeserver, client: TestClient) {
    this.#homeserver = homeserver
    this.client = client
  }

  tryUpload(bytes: Uint8Array | ReadableStream, options: UploadOptions = {}): Promise<Fetched> {
    const { type, name, path = '/_matrix/media/v3/upload', method = 'POST' } = options
    const query = name === undefined ? '' : `?filename=${encodeURIComponent(name)}`
    return fetchBytes(this.#homeserver, `${path}${query}`, {
      method,
      body: bytes,
      token: this.client.accessToken,
      ...(type === undefined ? {} : { headers: { 'content-type': type } }),
    })
  }

  /** Answers `SERVER/ID`, which paths are made of. */
  async upload(bytes: Uint8Array, options: UploadOptions = {}): Promise<string> {
    const { status, json } = await this.tryUpload(bytes, options)
    if (status !== 200) throw new Error(`the upload was answered ${status}: ${JSON.stringify(json)}`)
    return String(json.content_uri).slice('mxc://'.length)
  }

  /** With the access token: `download/SERVER/ID`, `thumbnail/SERVER/ID?…`. */
  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Fetched> {
    return fetchBytes(this.#homeserver, `/_matrix/client/v1/media/${path}`, { token: this.client.accessToken, headers })
  }

  /** Without one, as before Matrix 1.11. */
  getOld(path: string, version = 'v3'): Promise<Fetched> {
    return fetchBytes(this.#homeserver, `/_matrix/media/${version}/${path}`)
  }
}

export const mediaUser = async (homeserver: TestHomeserver, name: string): Promise<MediaUser> =>
  new MediaUser(homeserver, await homeserver.register(name))

/** Every file of the content repository, drafts too. */
export const storedFiles = (homeserver: TestHomeserver): readonly string[] => {
  const folder = join(homeserver.dataFolder, 'media')
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}

/** Of all uploads that are under way, what is on the disk. */
export const draftBytes = (homeserver: TestHomeserver): number => {
  const drafts = join(homeserver.dataFolder, 'media', 'drafts')
  return readdirSync(drafts).reduce((sum, name) => sum + statSync(join(drafts, name)).size, 0)
}

export const picture = (width: number, height: number, format: 'png' | 'jpeg' | 'webp' | 'gif' | 'avif' = 'png') =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 80, b: 40 } } })
    .toFormat(format)
    .toBuffer()

/** Frames of different colours. */
export const animation = async (width: number, height: number, frames: number, format: 'gif' | 'webp' = 'gif') => {
  const colours = Array.from({ length: frames }, (_, index) => ({ r: (index * 40) % 255, g: 100, b: 50 }))
  const stills = await Promise.all(
    colours.map((background) =>
      sharp({ create: { width, height, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  )
  return sharp(stills, { join: { animated: true } })
    .toFormat(format, { delay: 100 })
    .toBuffer()
}

import { MatrixError, type ServerName } from '#spec'
import type { MediaContent } from '#store'
import type { Media } from './media.ts'
import type { RemoteAsker, RemoteMedia } from './remote/remote-media.ts'
import { remoteThumbnailOf, type ThumbnailRequest } from './thumbnail-sizes.ts'
import type { ServedThumbnail, Thumbnails } from './thumbnails.ts'

export interface AnyMediaParts {
  readonly serverName: ServerName
  readonly media: Pick<Media, 'find'>
  readonly remote: Pick<RemoteMedia, 'find' | 'kept'>
  readonly thumbnails: Pick<Thumbnails, 'thumbnail' | 'typeOf'>
}

export interface MediaAsker extends RemoteAsker {
  /** The wait for an announced upload: see `WaitOptions`. */
  readonly timeoutMs: number | undefined
}

/** Media of this server and of others, as clients ask for them. */
export class AnyMedia {
  readonly #parts: AnyMediaParts

  constructor(parts: AnyMediaParts) {
    this.#parts = parts
  }

  /** Throws what `Media.find` and `RemoteMedia.find` throw. */
  find(serverName: string, mediaId: string, asker: MediaAsker): Promise<MediaContent> {
    const { media, remote } = this.#parts
    if (serverName === this.#parts.serverName) return media.find(serverName, mediaId, asker)
    return remote.find(serverName, mediaId, asker)
  }

  /**
   * Throws what `find` and `Thumbnails.thumbnail` throw. A thumbnail of another server's file is made here if the file is here, else there: the file may
   * be far larger.
   */
  async thumbnail(
    serverName: string,
    mediaId: string,
    wanted: ThumbnailRequest,
    asker: MediaAsker,
  ): Promise<ServedThumbnail> {
    const { thumbnails, remote } = this.#parts
    const isOwn = serverName === this.#parts.serverName
    const original = isOwn
      ? await this.find(serverName, mediaId, asker)
      : await remote.kept({ server: serverName as ServerName, mediaId, variant: '' })
    if (original !== undefined) return thumbnails.thumbnail(original, wanted)
    const { sha256, sizeBytes } = await remote.find(serverName, mediaId, asker, remoteThumbnailOf(wanted))
    // The type is that of the bytes, whatever the other server says, as the file is shown inline.
    return { fileName: sha256, sizeBytes, contentType: await this.#imageType(sha256) }
  }

  async #imageType(sha256: string): Promise<string> {
    const type = await this.#parts.thumbnails.typeOf(sha256)
    if (type !== undefined) return type
    throw new MatrixError('M_UNKNOWN', 'The other server made no thumbnail that can be shown', { status: 502 })
  }
}

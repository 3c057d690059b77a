import { MatrixError, type ServerName } from '#spec'
import type { MediaContent } from '#store'
import type { Media } from './media.ts'
import type { Quarantine } from './quarantine.ts'
import type { RemoteAsker, RemoteMedia } from './remote/remote-media.ts'
import { remoteThumbnailOf, type ThumbnailRequest } from './thumbnail-sizes.ts'
import type { ServedThumbnail, Thumbnails } from './thumbnails.ts'

export interface AnyMediaParts {
  readonly serverName: ServerName
  readonly media: Pick<Media, 'find'>
  readonly remote: Pick<RemoteMedia, 'find' | 'kept'>
  readonly thumbnails: Pick<Thumbnails, 'thumbnail' | 'typeOf'>
  readonly quarantine: Pick<Quarantine, 'mind'>
}

export interface MediaAsker extends RemoteAsker {
  /** The wait for an announced upload: see `WaitOptions`. */
  readonly timeoutMs: number | undefined
  /** Media in quarantine are given out as well: for administrators alone. */
  readonly bypassesQuarantine?: boolean
}

/** Media of this server and of others, as clients ask for them. */
export class AnyMedia {
  readonly #parts: AnyMediaParts

  constructor(parts: AnyMediaParts) {
    this.#parts = parts
  }

  /** Throws what `Media.find` and `RemoteMedia.find` throw; `M_NOT_FOUND` for media in quarantine. */
  find(serverName: string, mediaId: string, asker: MediaAsker): Promise<MediaContent> {
    const { media, remote } = this.#parts
    const isOwn = serverName === this.#parts.serverName
    return this.#minded(serverName, mediaId, asker, () =>
      isOwn ? media.find(serverName, mediaId, asker) : remote.find(serverName, mediaId, asker),
    )
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
      : await this.#kept(serverName as ServerName, mediaId, asker)
    if (original !== undefined) return thumbnails.thumbnail(original, wanted)
    const { sha256, sizeBytes } = await this.#minded(serverName, mediaId, asker, () =>
      remote.find(serverName, mediaId, asker, remoteThumbnailOf(wanted)),
    )
    // The type is that of the bytes, whatever the other server says, as the file is shown inline.
    return { fileName: sha256, sizeBytes, contentType: await this.#imageType(sha256) }
  }

  /** The copy of the file itself, where it is here. */
  async #kept(server: ServerName, mediaId: string, asker: MediaAsker): Promise<MediaContent | undefined> {
    const kept = await this.#parts.remote.kept({ server, mediaId, variant: '' })
    return kept === undefined ? undefined : this.#minded(server, mediaId, asker, async () => kept)
  }

  /** Media of other servers are looked up before anybody is asked for them, and again when their bytes are known. */
  async #minded(
    serverName: string,
    mediaId: string,
    { bypassesQuarantine = false }: MediaAsker,
    find: () => Promise<MediaContent>,
  ): Promise<MediaContent> {
    const { quarantine } = this.#parts
    const name = { server: serverName as ServerName, mediaId }
    if (bypassesQuarantine) return find()
    if (serverName !== this.#parts.serverName) await quarantine.mind(name)
    const content = await find()
    await quarantine.mind(name, content.sha256)
    return content
  }

  async #imageType(sha256: string): Promise<string> {
    const type = await this.#parts.thumbnails.typeOf(sha256)
    if (type !== undefined) return type
    throw new MatrixError('M_UNKNOWN', 'The other server made no thumbnail that can be shown', { status: 502 })
  }
}

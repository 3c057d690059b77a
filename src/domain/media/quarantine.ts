import { MatrixError } from '#spec'
import type { MediaName, MediaStandingReader } from '#store'

/** Media that administrators put into quarantine: these, and all with the same bytes, are as if they were not there. */
export class Quarantine {
  readonly #reader: Pick<MediaStandingReader, 'quarantinedBy'>

  constructor(reader: Pick<MediaStandingReader, 'quarantinedBy'>) {
    this.#reader = reader
  }

  async holds(name: MediaName, sha256?: string): Promise<boolean> {
    return (await this.#reader.quarantinedBy(name, sha256)) !== undefined
  }

  /** Throws `M_NOT_FOUND` for media in quarantine. `sha256`: undefined where the bytes are not known yet. */
  async mind(name: MediaName, sha256?: string): Promise<void> {
    if (await this.holds(name, sha256)) throw new MatrixError('M_NOT_FOUND', 'There is no such media')
  }
}

import type { ProfileChanges, ProfilesWindow } from '../../people/profile-changes.ts'
import { syncProfileText } from '../../people/profiles-text.ts'
import type { Piece, StreamedPart, SyncWindow } from '../request.ts'

export interface ProfilesPartParts {
  readonly changes: Pick<ProfileChanges, 'mayHaveNews' | 'news'>
}

/**
 * `users` (MSC4429): fields of profiles, for clients whose filter names some. A client that names none has no such member in its answers, and one whose names differ from
 * those that its token tells of begins anew with the new ones. Lazy loading of members makes no difference here: the proposal allows fewer profiles then, and clients take all.
 */
export class ProfilesPart implements StreamedPart {
  readonly empty = ''
  readonly #changes: ProfilesPartParts['changes']

  constructor({ changes }: ProfilesPartParts) {
    this.#changes = changes
  }

  isEmpty(window: SyncWindow): boolean {
    const asked = windowOf(window)
    return asked === undefined || !this.#changes.mayHaveNews(asked)
  }

  /** A first answer, and one with very many profiles, is made in pieces. */
  async brief(window: SyncWindow): Promise<Piece | undefined> {
    if (window.since === undefined || window.fullState) return undefined
    let text = ''
    for await (const piece of this.pieces(window)) {
      text += piece.text
      if (text.length > BRIEF_LENGTH) return undefined
    }
    return { text, isNews: text !== '' }
  }

  async *pieces(window: SyncWindow): AsyncGenerator<Piece, void, undefined> {
    const asked = windowOf(window)
    if (asked === undefined) return
    let before = HEAD
    for await (const news of this.#changes.news(asked)) {
      if (news.length === 0) continue
      yield { text: `${before}${news.map(syncProfileText).join()}`, isNews: true }
      before = ','
    }
    if (before !== HEAD) yield { text: '}', isNews: false }
  }
}

const HEAD = '"org.matrix.msc4429.users":{'
const BRIEF_LENGTH = 64 * 1024

/** undefined where no fields are asked for. With `full_state` everything is told again. */
const windowOf = (window: SyncWindow): ProfilesWindow | undefined => {
  const { filter, fullState, since, news } = window
  const fields = filter.profileFields
  if (fields === undefined) return undefined
  return { ...window, fields, since: fullState ? undefined : since, events: news.events }
}

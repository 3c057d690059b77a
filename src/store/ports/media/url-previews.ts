import type { Change } from '../engine/change.ts'

/** What was answered for a URL at some time. */
export interface UrlPreview {
  /** Normalised, at most 2,000 characters. */
  readonly url: string
  readonly fetchedMs: number
  /** From then on it is fetched again for who asks for the present. */
  readonly staleMs: number
  /** The answer, JSON text of an object. */
  readonly answerJson: string
  /** The picture that the answer names, which goes with the preview. */
  readonly mediaId: string | undefined
}

export interface UrlPreviewReader {
  /** What would have been answered at that time: the newest that was there and not stale then. */
  preview(url: string, atMs: number): Promise<UrlPreview | undefined>
  /** Those fetched before, the oldest first. */
  fetchedBefore(beforeMs: number, limit: number): Promise<readonly UrlPreview[]>
}

export interface UrlPreviewWriter {
  /** Conflict: `preview-exists`, where the URL was fetched in the same millisecond. */
  add(preview: UrlPreview): Change<void>
  remove(url: string, fetchedMs: number): Change<void>
}

import type { Change } from '../engine/change.ts'

/** The preview of a URL as it was at some time. */
export interface UrlPreview {
  /** Normalised, at most 2,000 characters. */
  readonly url: string
  readonly fetchedMs: number
  /** From this time on, a request for the present preview fetches the page again. */
  readonly staleMs: number
  /** The client's answer, JSON text of an object. */
  readonly answerJson: string
  /** The picture that the answer names; it is removed with the preview. */
  readonly mediaId: string | undefined
}

export interface UrlPreviewReader {
  /** The newest preview that existed and was not stale at that time. */
  preview(url: string, atMs: number): Promise<UrlPreview | undefined>
  /** Previews fetched before that time, oldest first. */
  fetchedBefore(beforeMs: number, limit: number): Promise<readonly UrlPreview[]>
}

export interface UrlPreviewWriter {
  /** Conflict: `preview-exists`, where the URL was fetched in the same millisecond. */
  add(preview: UrlPreview): Change<void>
  remove(url: string, fetchedMs: number): Change<void>
}

import type { CustomReply } from '#http'
import { html } from '../../html.ts'
import { type PostForm, postForm } from './forms.ts'
import { type AdminPage, adminPage, type Frame } from './frame.ts'

/** The refusal of a form, shown above it. */
export interface DeedRefusal {
  readonly status: number
  readonly text: string
}

export interface DeedPage extends Pick<AdminPage, 'title' | 'above'>, Omit<PostForm, 'csrf'> {
  /** Explains the deed. */
  readonly words: AdminPage['main']
  /** The page that leads here. */
  readonly back: string
  readonly refusal?: DeedRefusal | undefined
}

/** The page of a deed that is explained before it is done, with the way back. */
export const deedPage = (frame: Frame, { title, above, words, back, refusal, ...form }: DeedPage): CustomReply =>
  adminPage(frame, {
    title,
    ...(above === undefined ? {} : { above }),
    ...(refusal === undefined ? {} : { status: refusal.status, refusal: refusal.text }),
    main: html`${words}${postForm({ ...form, csrf: frame.csrf })}
<p><a href="${back}">Back, and change nothing</a></p>`,
  })

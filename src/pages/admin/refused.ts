import type { CustomReply } from '#http'
import { html } from '../html.ts'
import { adminPage, type Frame } from './parts/frame.ts'

/** A deed that was refused, or a thing that is not there. */
export const refusedPage = (frame: Frame, status: number, message: string): CustomReply =>
  adminPage(frame, {
    status,
    title: status === 404 ? 'Not found' : 'This cannot be done',
    above: [],
    refusal: /[.!?]$/.test(message) ? message : `${message}.`,
    main: html`<p>Nothing was changed.</p>`,
  })

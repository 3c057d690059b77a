import type { CustomReply } from '#http'
import { html } from '../../html.ts'
import { type DeedPage, type DeedRefusal, deedPage } from '../parts/deed.ts'
import { field } from '../parts/forms.ts'
import type { Frame } from '../parts/frame.ts'
import { personPath } from '../parts/links.ts'
import { id } from '../parts/words.ts'

export interface PersonDeedView {
  readonly userId: string
  readonly refusal?: DeedRefusal | undefined
}

type PersonDeed = Pick<DeedPage, 'title' | 'words' | 'button' | 'look' | 'fields' | 'hidden'> & {
  readonly rest: string
}

const personDeedPage = (frame: Frame, { userId, refusal }: PersonDeedView, { rest, words, ...deed }: PersonDeed) =>
  deedPage(frame, {
    ...deed,
    above: [{ path: personPath(userId), title: userId }],
    words: html`<p>The account: ${id(userId)}</p>
${words}`,
    action: personPath(userId, rest),
    back: personPath(userId),
    refusal,
  })

export const passwordDeedPage = (frame: Frame, view: PersonDeedView): CustomReply =>
  personDeedPage(frame, view, {
    rest: 'password',
    title: 'Set a password',
    words: html`<p>The old password is void at once. Tell them the new one in a way that nobody else reads.</p>`,
    button: 'Set the password',
    look: 'plain',
    fields: html`${field({ name: 'password', label: 'New password', kind: 'password', required: true, autocomplete: 'new-password' })}
${field({ name: 'repeated', label: 'New password, once more', kind: 'password', required: true, autocomplete: 'new-password' })}
${field({ name: 'keep', label: 'They stay signed in where they are', kind: 'checkbox', hint: 'Leave it off if somebody else may know the old password. Devices that are signed out may lose messages that are encrypted.' })}`,
  })

export const adminRightPage = (frame: Frame, view: PersonDeedView & { readonly admin: boolean }): CustomReply =>
  personDeedPage(
    frame,
    view,
    view.admin
      ? {
          rest: 'admin',
          title: 'Take the administrator’s right',
          words: html`<p>They keep their account, and see these pages no more.</p>`,
          button: 'Take the right',
          look: 'final',
          hidden: { to: 'no' },
        }
      : {
          rest: 'admin',
          title: 'Make an administrator',
          words: html`<p>An administrator can do everything that these pages can: read who is in which room, set passwords, delete rooms and accounts, and make more administrators.</p>`,
          button: 'Make them an administrator',
          look: 'final',
          hidden: { to: 'yes' },
        },
  )

export const deactivatePage = (frame: Frame, view: PersonDeedView): CustomReply =>
  personDeedPage(frame, view, {
    rest: 'deactivate',
    title: 'Deactivate the account',
    words: html`<p>They are signed out everywhere and leave all their rooms; their password, addresses, profile, keys and settings are removed. What they wrote stays in the rooms.
None of this can be brought back, not by opening the account again either.</p>`,
    button: 'Deactivate for good',
    look: 'final',
    fields: html`${field({ name: 'erase', label: 'Hide what they wrote from people who join later', kind: 'checkbox' })}
${field({ name: 'confirmed', label: 'Type the user id to confirm', required: true, maxLength: 255, hint: view.userId })}`,
  })

export const redactPersonPage = (frame: Frame, view: PersonDeedView): CustomReply =>
  personDeedPage(frame, view, {
    rest: 'redact',
    title: 'Take back what they wrote',
    words: html`<p>Their newest messages in all their rooms are redacted: the content is removed, here and on other servers that follow. It cannot be brought back. A job does it.</p>`,
    button: 'Take it back for good',
    look: 'final',
    fields: html`${field({ name: 'reason', label: 'Reason, which everybody in the rooms can read', maxLength: 500, hint: 'Empty: none is given.' })}
${field({ name: 'confirmed', label: 'Type the user id to confirm', required: true, maxLength: 255, hint: view.userId })}`,
  })

export const reactivatePage = (frame: Frame, view: PersonDeedView): CustomReply =>
  personDeedPage(frame, view, {
    rest: 'reactivate',
    title: 'Open the account again',
    words: html`<p>The account gets its name back and this password. What it had before is gone.</p>`,
    button: 'Open the account',
    look: 'plain',
    fields: html`${field({ name: 'password', label: 'Password', kind: 'password', required: true, autocomplete: 'new-password' })}
${field({ name: 'repeated', label: 'Password, once more', kind: 'password', required: true, autocomplete: 'new-password' })}`,
  })

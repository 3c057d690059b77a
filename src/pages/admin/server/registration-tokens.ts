import type { CustomReply } from '#http'
import { html } from '../../html.ts'
import { field, postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { type ListState, listOf } from '../parts/lists.ts'
import { count, id, moment, NONE, tag } from '../parts/words.ts'

export interface TokenRow {
  readonly token: string
  readonly uses: number
  readonly usesAllowed: number | undefined
  readonly expiresAtMs: number | undefined
  readonly valid: boolean
}

export interface TokensView {
  readonly state: ListState
  readonly rows: readonly TokenRow[]
  readonly total: number
  readonly next: string | undefined
  /** Whether a token is asked for when somebody registers. */
  readonly needed: boolean
  /** Values that were typed into the form that was refused. */
  readonly typed?: { readonly token: string; readonly uses: string; readonly expires: string } | undefined
  readonly refusal?: { readonly status: number; readonly text: string } | undefined
}

/** Tokens for registration, and the form for a new one. */
export const registrationTokensPage = (frame: Frame, view: TokensView): CustomReply => {
  const { typed, refusal, needed, ...list } = view
  return adminPage(frame, {
    title: 'Registration tokens',
    lead: needed
      ? 'Whoever makes an account has to give one of these.'
      : 'This server asks nobody for a token now; its configuration says who may register (registration.mode).',
    ...(refusal === undefined ? {} : { status: refusal.status, refusal: refusal.text }),
    main: html`<details class="more"${refusal === undefined && list.total > 0 ? undefined : html` open`}><summary>Make a token</summary>${postForm(
      {
        action: '/admin/registration-tokens',
        csrf: frame.csrf,
        button: 'Make the token',
        fields: html`${field({ name: 'token', label: 'Token', value: typed?.token, maxLength: 64, hint: 'Letters, digits, and . _ ~ -; without one, a random token is made.' })}
${field({ name: 'uses', label: 'How often it may be used', value: typed?.uses, maxLength: 9, hint: 'Empty: any number of times.' })}
${field({ name: 'expires', label: 'Good until (UTC)', kind: 'datetime-local', value: typed?.expires, hint: 'Empty: for ever.' })}`,
      },
    )}</details>
${listOf<TokenRow>({
  ...list,
  caption: 'Registration tokens',
  search: 'Token',
  order: 'token',
  exports: true,
  empty: 'There is no such token.',
  columns: [
    { title: 'Token', order: 'token', cell: ({ token }) => id(token) },
    { title: 'State', cell: ({ valid }) => (valid ? tag('good', 'good') : tag('used up or expired')) },
    { title: 'Uses', order: 'uses', kind: 'number', cell: ({ uses }) => count(uses) },
    {
      title: 'Allowed',
      kind: 'number',
      cell: ({ usesAllowed }) => (usesAllowed === undefined ? 'any' : count(usesAllowed)),
    },
    {
      title: 'Good until',
      order: 'expires',
      cell: ({ expiresAtMs }) => (expiresAtMs === undefined ? NONE : moment(expiresAtMs)),
    },
    {
      title: 'Revoke',
      kind: 'deed',
      cell: ({ token }) =>
        postForm({
          action: '/admin/registration-tokens/revoke',
          csrf: frame.csrf,
          button: 'Revoke',
          about: token,
          look: 'danger',
          inline: true,
          hidden: { token },
        }),
    },
  ],
})}`,
  })
}

import type { CustomReply } from '#http'
import { type Html, html } from '../../html.ts'
import type { DeedRefusal } from '../parts/deed.ts'
import { type Field, field, type PostForm, postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { personPath } from '../parts/links.ts'
import { count, id, moment } from '../parts/words.ts'

/** The limit, the end and the type that an administrator gave an account. undefined: as everybody. */
export interface PersonLimits {
  /** `perSecond` 0: no limit. */
  readonly rateLimit: { readonly perSecond: number; readonly burst: number } | undefined
  readonly expiresAtMs: number | undefined
  readonly userType: string | undefined
}

export interface PersonLimitsView extends PersonLimits {
  readonly userId: string
  /** Whether it is the administrator's own account, which they cannot make expire. */
  readonly own: boolean
  readonly nowMs: number
  /** The types that an account can have, besides that of a person. */
  readonly types: readonly string[]
  /** The fields of a form that was refused. */
  readonly typed: ReadonlyMap<string, string>
  readonly refusal?: DeedRefusal | undefined
}

const TYPE_TITLES: Readonly<Record<string, string>> = { bot: 'a bot', support: 'a support account' }

/** A type of accounts in words. */
const typeTitle = (type: string | undefined): string => (type === undefined ? 'a person' : (TYPE_TITLES[type] ?? type))

/** How much an account may send, in words. */
const limitWords = (limit: PersonLimits['rateLimit']): string => {
  if (limit === undefined) return 'as everybody'
  if (limit.perSecond === 0) return 'no limits'
  return `${count(limit.perSecond)} a second, ${count(limit.burst)} at once`
}

/** Until when an account can be used. */
const validityWords = (expiresAtMs: number | undefined, nowMs: number): Html | string => {
  if (expiresAtMs === undefined) return 'without end'
  return html`${expiresAtMs <= nowMs ? 'over since' : 'until'} ${moment(expiresAtMs)} UTC`
}

/** The rows of a person's page that say what is special about the account. */
export const limitFacts = (
  { rateLimit, expiresAtMs, userType }: PersonLimits,
  nowMs: number,
): readonly (readonly [string, Html | string])[] => [
  ['Type', typeTitle(userType)],
  ['May send', limitWords(rateLimit)],
  ['Valid', validityWords(expiresAtMs, nowMs)],
]

const MINUTE_LENGTH = 16

/** A time as a field of a browser takes it, to the minute; what such a field cannot hold is left empty. */
const fieldTime = (ms: number | undefined): string => {
  const date = new Date(ms ?? Number.NaN)
  if (Number.isNaN(date.getTime())) return ''
  const text = date.toISOString()
  return /^\d{4}-/.test(text) ? text.slice(0, MINUTE_LENGTH) : ''
}

const limitForm = ({ rateLimit, typed }: PersonLimitsView, post: Post): Html => html`<h2>How much they may send</h2>
<p>Instead of <code>rateLimits.message</code> of the configuration. Now: ${limitWords(rateLimit)}.</p>
${post('limits', 'Set the limit', {
  fields: html`${numberField(typed, 'per_second', 'Messages a second', rateLimit?.perSecond, 'In the long run. 0: no limits at all, for bots that are trusted.')}
${numberField(typed, 'burst', 'Messages at once', rateLimit?.burst, 'So many may come in one go, after a pause.')}`,
})}
${rateLimit === undefined ? undefined : post('limits', 'As everybody', { look: 'quiet', hidden: { clear: 'yes' } })}`

const validityForm = (view: PersonLimitsView, post: Post): Html => {
  const { own, expiresAtMs, nowMs, typed } = view
  return html`<h2>How long the account is valid</h2>
<p>After that time they can do nothing but log out, until it is renewed; nothing is lost. Now: ${validityWords(expiresAtMs, nowMs)}.</p>
${
  own
    ? html`<p>This is your own account: another administrator can set its end.</p>`
    : post('validity', expiresAtMs === undefined ? 'Set the end' : 'Renew until then', {
        fields: field({
          name: 'until',
          label: 'Valid until (UTC)',
          kind: 'datetime-local',
          required: true,
          value: typed.get('until') ?? fieldTime(expiresAtMs),
          hint: 'A time that is over ends it at once.',
        }),
      })
}
${expiresAtMs === undefined ? undefined : post('validity', 'Valid without end', { look: 'quiet', hidden: { clear: 'yes' } })}`
}

const typeForm = ({ types, userType, typed }: PersonLimitsView, post: Post): Html => html`<h2>Type of the account</h2>
${post('type', 'Set the type', {
  fields: field({
    name: 'type',
    label: 'The account is that of',
    value: typed.get('type') ?? userType,
    choices: [
      { value: '', title: typeTitle(undefined) },
      ...types.map((type) => ({ value: type, title: typeTitle(type) })),
    ],
    hint: 'It sets the account apart in lists, and grants nothing.',
  }),
})}`

type Post = (rest: string, button: string, more: Partial<PostForm>) => Html

const numberField = (
  typed: PersonLimitsView['typed'],
  name: string,
  label: string,
  value: number | undefined,
  hint: string,
): Html => {
  const now: Pick<Field, 'value'> = { value: typed.get(name) ?? (value === undefined ? '' : String(value)) }
  return field({ ...now, name, label, kind: 'number', required: true, maxLength: 7, hint })
}

/** The page of one account's limit of messages, its end and its type. */
export const personLimitsPage = (frame: Frame, view: PersonLimitsView): CustomReply => {
  const { userId, refusal } = view
  const post: Post = (rest, button, more) =>
    postForm({ action: personPath(userId, rest), csrf: frame.csrf, button, ...more })
  return adminPage(frame, {
    title: 'Limits, validity and type',
    above: [{ path: personPath(userId), title: userId }],
    ...(refusal === undefined ? {} : { status: refusal.status, refusal: refusal.text }),
    main: html`<p>The account: ${id(userId)}</p>
${limitForm(view, post)}
${validityForm(view, post)}
${typeForm(view, post)}
<p><a href="${personPath(userId)}">Back to the account</a></p>`,
  })
}

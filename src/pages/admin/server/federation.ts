import type { CustomReply } from '#http'
import { csrfField } from '../../form-fields.ts'
import { type Html, html } from '../../html.ts'
import { postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { subjectLink } from '../parts/links.ts'
import { factsOf, type ListState, listOf } from '../parts/lists.ts'
import { count, link, moment, tag } from '../parts/words.ts'

export interface DestinationRow {
  readonly server: string
  readonly pending: number
  readonly behind: boolean
  readonly failures: number
  readonly failingSinceMs: number | undefined
  readonly retryAtMs: number | undefined
  readonly lastSuccessMs: number | undefined
}

export interface FederationView {
  readonly state: ListState
  readonly rows: readonly DestinationRow[]
  readonly total: number
  readonly next: string | undefined
  readonly enabled: boolean
}

const stateTag = ({ failures, behind }: DestinationRow): Html =>
  failures > 0 ? tag('cannot be reached', 'bad') : behind ? tag('catching up') : tag('in step', 'good')

const serverPath = (server: string): string => `/admin/federation/${encodeURIComponent(server)}`

/** The servers to which this one sends, and how that goes. */
export const federationPage = (frame: Frame, { enabled, ...view }: FederationView): CustomReply =>
  adminPage(frame, {
    title: 'Federation',
    lead: enabled
      ? 'Other servers to which this one sends, those in most trouble first. Times are UTC.'
      : 'Federation is switched off in the configuration of this server.',
    main: html`<form class="filters" method="post" action="/admin/federation/check">${csrfField(frame.csrf)}<div class="search"><label for="check">Can this server be reached? (its name)</label><input id="check" name="server" maxlength="255" required autocapitalize="none" spellcheck="false"></div><button class="quiet">Check</button></form>
${listOf<DestinationRow>({
  ...view,
  caption: 'Servers that this one sends to',
  search: 'Name of the server',
  filters: [
    {
      name: 'state',
      label: 'State',
      choices: [
        { value: '', title: 'all' },
        { value: 'failing', title: 'cannot be reached' },
        { value: 'behind', title: 'catching up' },
        { value: 'fine', title: 'in step' },
      ],
    },
  ],
  order: 'failures',
  descending: true,
  exports: true,
  empty: 'There is no such server.',
  columns: [
    { title: 'Server', order: 'server', cell: ({ server }) => link(serverPath(server), server) },
    { title: 'State', cell: stateTag },
    { title: 'Waiting', order: 'pending', kind: 'number', cell: ({ pending }) => count(pending) },
    { title: 'Failures', order: 'failures', kind: 'number', cell: ({ failures }) => count(failures) },
    { title: 'Failing since', cell: ({ failingSinceMs }) => moment(failingSinceMs) },
    { title: 'Next try', cell: ({ retryAtMs }) => moment(retryAtMs) },
    { title: 'Last success', order: 'success', cell: ({ lastSuccessMs }) => moment(lastSuccessMs) },
  ],
})}`,
  })

export interface ServerView {
  readonly server: string
  /** undefined: nothing is sent there. */
  readonly destination: DestinationRow | undefined
  /** Rooms here that it is in. */
  readonly rooms: number
  /** Findings of a check; undefined: none was made. */
  readonly findings: readonly { readonly ok: boolean; readonly text: string }[] | undefined
}

const findingsOf = (findings: ServerView['findings']): Html | undefined =>
  findings === undefined
    ? undefined
    : html`<h2>The check</h2>
<ul class="plain">${findings.map(({ ok, text }) => html`<li>${ok ? tag('ok') : tag('wrong', 'bad')} ${text}</li>\n`)}</ul>`

/** One other server. */
export const serverPage = (frame: Frame, { server, destination, rooms, findings }: ServerView): CustomReply =>
  adminPage(frame, {
    title: server,
    above: [],
    main: html`${
      destination === undefined
        ? html`<p>This server shares no room with ${server}, and sends nothing there.</p>`
        : factsOf([
            ['State', stateTag(destination)],
            ['Rooms that it is in', html`<a href="${serverPath(server)}/rooms">${count(rooms)}</a>`],
            ['Events that wait', count(destination.pending)],
            ['Failures', count(destination.failures)],
            ['Failing since', moment(destination.failingSinceMs)],
            ['Next try', moment(destination.retryAtMs)],
            ['Last success', moment(destination.lastSuccessMs)],
          ])
    }<div class="deeds">${postForm({ action: '/admin/federation/check', csrf: frame.csrf, button: 'Check whether it can be reached', look: 'quiet', hidden: { server } })}${
      destination === undefined
        ? undefined
        : postForm({ action: `${serverPath(server)}/retry`, csrf: frame.csrf, button: 'Try again now', look: 'quiet' })
    }</div>${findingsOf(findings)}`,
  })

export interface ServerRoomsView {
  readonly server: string
  readonly state: ListState
  readonly rows: readonly { readonly roomId: string }[]
  readonly total: number
  readonly next: string | undefined
}

/** The rooms that another server is in. */
export const serverRoomsPage = (frame: Frame, { server, ...view }: ServerRoomsView): CustomReply =>
  adminPage(frame, {
    title: 'Rooms of a server',
    above: [{ path: serverPath(server), title: server }],
    main: listOf<{ readonly roomId: string }>({
      ...view,
      caption: `Rooms of ${server}`,
      exports: true,
      empty: 'It is in no room here.',
      columns: [{ title: 'Room', cell: ({ roomId }) => subjectLink(roomId) }],
    }),
  })

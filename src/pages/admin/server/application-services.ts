import type { CustomReply } from '#http'
import { type Html, html } from '../../html.ts'
import { deeds, postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { factsOf, type ListState, listOf } from '../parts/lists.ts'
import { count, id, link, moment, NONE, tag } from '../parts/words.ts'

export interface ServiceView {
  readonly id: string
  readonly sender: string
  readonly url: string | undefined
  readonly file: string
  readonly namespaces: Readonly<Record<'users' | 'aliases' | 'rooms', readonly string[]>>
  readonly queue: {
    readonly waiting: number
    readonly failures: number
    readonly retryAtMs: number | undefined
    readonly lastSuccessMs: number | undefined
    readonly lastFailure: { readonly atMs: number; readonly reason: string } | undefined
    readonly lastPing: { readonly atMs: number; readonly ok: boolean; readonly reason: string } | undefined
  }
}

export interface ServicesView {
  readonly state: ListState
  readonly rows: readonly ServiceView[]
  readonly total: number
  readonly next: string | undefined
  readonly faults: readonly { readonly path: string; readonly problem: string; readonly keptEarlier: boolean }[]
}

const SECTION = '/admin/application-services'

const stateTag = ({ url, queue }: ServiceView): Html => {
  if (url === undefined) return tag('nothing is sent to it')
  if (queue.failures > 0) return tag('does not answer', 'bad')
  return queue.waiting > 0 ? tag('catching up') : tag('in step', 'good')
}

const servicePath = (name: string): string => `${SECTION}/${encodeURIComponent(name)}`

const faultsOf = (faults: ServicesView['faults']): Html | undefined =>
  faults.length === 0
    ? undefined
    : html`<h2>Registration files that cannot be used</h2>
<ul class="plain">${faults.map(({ path, problem, keptEarlier }) => html`<li>${tag('wrong', 'bad')} ${id(path)}: ${problem}${keptEarlier ? ' (what it said earlier holds on)' : ''}</li>\n`)}</ul>`

/** Bridges and bots that the configuration names. */
export const applicationServicesPage = (frame: Frame, { faults, ...view }: ServicesView): CustomReply =>
  adminPage(frame, {
    title: 'Application services',
    lead: 'Bridges and bots, by the registration files that the configuration names (appservices.files). Times are UTC.',
    main: html`${deeds(postForm({ action: `${SECTION}/reload`, csrf: frame.csrf, button: 'Read the files anew', look: 'quiet' }))}${faultsOf(faults)}${listOf<ServiceView>(
      {
        ...view,
        caption: 'Application services',
        search: 'Id or user id',
        order: 'id',
        exports: true,
        empty: 'There is no such application service.',
        columns: [
          { title: 'Id', order: 'id', cell: ({ id: name }) => link(servicePath(name), name) },
          { title: 'State', cell: stateTag },
          { title: 'Its user', cell: ({ sender }) => id(sender) },
          { title: 'Waiting', order: 'waiting', kind: 'number', cell: ({ queue }) => count(queue.waiting) },
          { title: 'Failures', order: 'failures', kind: 'number', cell: ({ queue }) => count(queue.failures) },
          { title: 'Last success', cell: ({ queue }) => moment(queue.lastSuccessMs) },
        ],
      },
    )}`,
  })

const patterns = (list: readonly string[]): Html =>
  list.length === 0 ? NONE : html`${list.map((pattern) => html`${id(pattern)} `)}`

export const applicationServicePage = (frame: Frame, service: ServiceView): CustomReply => {
  const { id: name, sender, url, file, namespaces, queue } = service
  const { lastFailure, lastPing } = queue
  return adminPage(frame, {
    title: name,
    above: [],
    main: html`${factsOf([
      ['State', stateTag(service)],
      ['Its user', id(sender)],
      ['Address', url === undefined ? NONE : id(url)],
      ['Registration file', id(file)],
      ['Users', patterns(namespaces.users)],
      ['Aliases', patterns(namespaces.aliases)],
      ['Rooms', patterns(namespaces.rooms)],
      ['Waiting', count(queue.waiting)],
      ['Failures since the last success', count(queue.failures)],
      ['Next try', moment(queue.retryAtMs)],
      ['Last success', moment(queue.lastSuccessMs)],
      ['Last failure', lastFailure === undefined ? NONE : html`${moment(lastFailure.atMs)}: ${lastFailure.reason}`],
      [
        'Last ping',
        lastPing === undefined
          ? NONE
          : html`${moment(lastPing.atMs)} ${lastPing.ok ? tag('answered', 'good') : tag('failed', 'bad')} ${lastPing.reason}`,
      ],
    ])}${
      url === undefined
        ? undefined
        : deeds(
            postForm({
              action: `${servicePath(name)}/ping`,
              csrf: frame.csrf,
              button: 'Ask whether it is there',
              look: 'quiet',
            }),
          )
    }`,
  })
}

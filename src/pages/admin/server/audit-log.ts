import type { CustomReply } from '#http'
import { html } from '../../html.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { membersOf } from '../parts/json.ts'
import { subjectLink } from '../parts/links.ts'
import { type ListState, listOf } from '../parts/lists.ts'
import { id, moment } from '../parts/words.ts'

export interface AuditRow {
  readonly atMs: number
  readonly by: string
  readonly via: 'api' | 'page' | 'command'
  readonly action: string
  readonly subject: string
  readonly details: Readonly<Record<string, unknown>>
}

const WAYS = { api: 'API', page: 'page', command: 'command line' } as const

export const auditLogPage = (
  frame: Frame,
  view: { readonly state: ListState; readonly rows: readonly AuditRow[]; readonly next: string | undefined },
): CustomReply =>
  adminPage(frame, {
    title: 'Audit log',
    lead: 'Everything that administrators did, newest first: by these pages, by the administration API and by the command line. Times are UTC.',
    main: listOf<AuditRow>({
      ...view,
      caption: 'Deeds of administrators',
      search: 'Done to (the whole id)',
      filters: [{ name: 'action', label: 'Kind', choices: ACTIONS }],
      exports: true,
      empty: 'No administrator did anything like that yet.',
      columns: [
        { title: 'When', cell: ({ atMs }) => moment(atMs) },
        {
          title: 'Who',
          cell: ({ by, via }) =>
            html`${by === 'operator' ? 'operator' : id(by)} <span class="none">${WAYS[via]}</span>`,
        },
        { title: 'What', cell: ({ action }) => action },
        { title: 'Done to', cell: ({ subject }) => subjectLink(subject) },
        { title: 'Details', cell: ({ details }) => membersOf(details) },
      ],
    }),
  })

const NAMES = {
  user:
    'create deactivate reactivate lock unlock suspend unsuspend shadow_ban lift_shadow_ban make_admin revoke_admin set_password set_profile ' +
    'set_addresses set_identities set_type set_expiry limit end_sessions remove_devices rename_device redact',
  room: 'block unblock delete purge_history make_admin join join_branches publish unpublish',
  registration_token: 'create change delete',
  registration: 'approve refuse',
  ban_list: 'subscribe unsubscribe',
  server: 'block unblock',
  media: 'quarantine unquarantine protect unprotect delete delete_old purge_cache quarantine_user quarantine_room',
  report: 'delete',
  notice: 'send',
  destination: 'retry',
  application_service: 'reload',
  job: 'cancel',
}

const ACTIONS = [
  { value: '', title: 'all' },
  ...Object.entries(NAMES)
    .flatMap(([noun, verbs]) => verbs.split(' ').map((verb) => `${noun}.${verb}`))
    .map((value) => ({ value, title: value })),
]

import type { Frame, Section } from './parts/frame.ts'

export const SECTIONS: readonly Section[] = [
  { path: '/admin', title: 'Overview' },
  { path: '/admin/people', title: 'People' },
  { path: '/admin/rooms', title: 'Rooms' },
  { path: '/admin/reports', title: 'Reports' },
  { path: '/admin/media', title: 'Media' },
  { path: '/admin/registration-tokens', title: 'Registration tokens' },
  { path: '/admin/registrations', title: 'Registrations' },
  { path: '/admin/ban-lists', title: 'Ban lists' },
  { path: '/admin/federation', title: 'Federation' },
  { path: '/admin/blocked-servers', title: 'Blocked servers' },
  { path: '/admin/application-services', title: 'Application services' },
  { path: '/admin/jobs', title: 'Jobs' },
  { path: '/admin/audit-log', title: 'Audit log' },
]

/** Notices of what was done by the form that led to a page. The address has the name alone, so nobody can put words into a page. */
const NOTICES: Readonly<Record<string, string>> = {
  saved: 'Saved.',
  'media-deleted': 'The media are deleted.',
  'report-removed': 'The report is removed.',
  'notice-sent': 'The notice is sent.',
  approved: 'The account is let in.',
  refused: 'The account is refused.',
  answered: 'The application service answered.',
  'no-answer': 'The application service did not answer; its last ping says why.',
  reloaded: 'The registration files were read anew.',
  blocked: 'The room is blocked.',
  unblocked: 'The room is no longer blocked.',
  'server-blocked': 'The server is blocked.',
  'server-unblocked': 'The server is no longer blocked.',
  'power-given': 'The power is given.',
  made: 'The account is made.',
  locked: 'The account is locked.',
  unlocked: 'The account is unlocked.',
  suspended: 'The account is suspended.',
  restored: 'The account is no longer suspended.',
  password: 'The password is set.',
  'signed-out': 'The sessions have ended.',
  deactivated: 'The account is deactivated.',
  'admin-given': 'The account is an administrator now.',
  'admin-taken': 'The account is no administrator any more.',
  'token-made': 'The token is made.',
  'token-revoked': 'The token is revoked.',
  retried: 'The server is tried again now.',
  cancelled: 'The job is cancelled.',
  started: 'The job has started.',
}

export interface FramedVisit {
  readonly session: { readonly userId: string; readonly csrf: string }
  readonly section: string
  readonly serverName: string
  readonly query: Readonly<Record<string, string>>
}

export const frameOf = ({ session, section, serverName, query }: FramedVisit): Frame => ({
  sections: SECTIONS,
  section,
  userId: session.userId,
  csrf: session.csrf,
  serverName,
  notice: NOTICES[query.done ?? ''],
})

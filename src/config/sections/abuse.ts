import { baseUrl, duration, list, nonEmptyText, oneOf, rate, roomId } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const abuse = {
  title: 'What keeps abuse away from the whole server',
  settings: {
    banLists: setting(list(roomId), [], {
      description:
        'Policy rooms (!id:example.org) that the server obeys: the servers, users and rooms that they ban. Somebody of this server has to be in them. Administrators can add others while the server runs.',
    }),
    newAccountAge: setting(duration, '0s', {
      description: 'Accounts younger than this are new, and have the limits below. 0s: no account is.',
    }),
    newAccountInvites: optional(rate, { description: 'Invites by one new account. Unset: no limit of this kind.' }),
    newAccountMessages: optional(rate, { description: 'Messages of one new account. Unset: no limit of this kind.' }),
    newAccountRooms: optional(rate, { description: 'Rooms that one new account makes. Unset: no limit of this kind.' }),
    hookUrl: optional(baseUrl, {
      description:
        'A program of yours that is asked whether people may do what they want to do. Unset: none is asked. Set, it needs abuse.hookSecret.',
    }),
    hookSecret: optional(nonEmptyText, {
      secret: true,
      description: 'Signs the questions, so that the program knows that they are of this server.',
    }),
    hookDeeds: setting(
      list(oneOf('message', 'invite', 'join', 'room', 'registration', 'login', 'media', 'profile')),
      [],
      { description: 'What it is asked about. Everything else costs nothing.' },
    ),
    hookTimeout: setting(duration, '2s', { description: 'How long it may take; whoever wants something waits.' }),
    hookFailure: setting(oneOf('allow', 'deny'), 'allow', {
      description: 'What happens where it gives no answer in time. deny: 503, try again later.',
    }),
  },
} as const

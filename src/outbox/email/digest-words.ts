import type { EntryKind } from './digest.ts'

/** The words of a digest in one language. */
export interface DigestWords {
  readonly language: string
  readonly did: Readonly<Record<Exclude<EntryKind, 'said' | 'emote'>, (sender: string) => string>>
  readonly inThread: string
  readonly unnamed: (names: string) => string
  readonly and: string
  readonly subjectOfRoom: (room: string, count: number) => string
  readonly subjectOfRooms: (rooms: number, count: number) => string
  readonly subjectOfInvite: (sender: string) => string
  readonly lead: (user: string) => string
  readonly open: string
  readonly more: string
  readonly why: (app: string, address: string) => string
  readonly unsubscribe: string
}

const ENGLISH: DigestWords = {
  language: 'en',
  did: {
    encrypted: (sender) => `${sender} sent an encrypted message`,
    hidden: (sender) => `${sender} sent something in this encrypted room`,
    image: (sender) => `${sender} sent an image`,
    video: (sender) => `${sender} sent a video`,
    audio: (sender) => `${sender} sent a sound`,
    file: (sender) => `${sender} sent a file`,
    sticker: (sender) => `${sender} sent a sticker`,
    poll: (sender) => `${sender} started a poll`,
    invite: (sender) => `${sender} invites you`,
    other: (sender) => `${sender} did something that concerns you`,
  },
  inThread: 'in a thread',
  unnamed: (names) => `A room with ${names}`,
  and: 'and',
  subjectOfRoom: (room, count) => (count === 1 ? `A new message in ${room}` : `${count} new messages in ${room}`),
  subjectOfRooms: (rooms, count) => `${count} new messages in ${rooms} rooms`,
  subjectOfInvite: (sender) => `${sender} invites you`,
  lead: (user) => `This is what ${user} has not read yet:`,
  open: 'Open the room',
  more: 'There is more in your app.',
  why: (app, address) =>
    `You get this mail as notifications to ${address} are switched on${app === '' ? '' : ` (${app})`}.`,
  unsubscribe: 'Switch these mails off',
}

const GERMAN: DigestWords = {
  language: 'de',
  did: {
    encrypted: (sender) => `${sender} hat eine verschlüsselte Nachricht gesendet`,
    hidden: (sender) => `${sender} hat in diesem verschlüsselten Raum etwas gesendet`,
    image: (sender) => `${sender} hat ein Bild gesendet`,
    video: (sender) => `${sender} hat ein Video gesendet`,
    audio: (sender) => `${sender} hat eine Tonaufnahme gesendet`,
    file: (sender) => `${sender} hat eine Datei gesendet`,
    sticker: (sender) => `${sender} hat einen Sticker gesendet`,
    poll: (sender) => `${sender} hat eine Umfrage begonnen`,
    invite: (sender) => `${sender} lädt dich ein`,
    other: (sender) => `${sender} hat etwas getan, das dich betrifft`,
  },
  inThread: 'in einem Thread',
  unnamed: (names) => `Ein Raum mit ${names}`,
  and: 'und',
  subjectOfRoom: (room, count) =>
    count === 1 ? `Eine neue Nachricht in ${room}` : `${count} neue Nachrichten in ${room}`,
  subjectOfRooms: (rooms, count) => `${count} neue Nachrichten in ${rooms} Räumen`,
  subjectOfInvite: (sender) => `${sender} lädt dich ein`,
  lead: (user) => `Das hat ${user} noch nicht gelesen:`,
  open: 'Raum öffnen',
  more: 'Mehr steht in deiner App.',
  why: (app, address) =>
    `Du bekommst diese Mail, weil Benachrichtigungen an ${address} eingeschaltet sind${app === '' ? '' : ` (${app})`}.`,
  unsubscribe: 'Diese Mails abschalten',
}

/** The words for a language tag such as `de-AT`; English where there are none. */
export const wordsIn = (lang: string): DigestWords => (/^de\b/i.test(lang) ? GERMAN : ENGLISH)

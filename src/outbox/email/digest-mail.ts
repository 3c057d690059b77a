import { momentText } from '#base'
import { escapedForHtml as escaped, mailPage, type OutgoingMail } from '#net'
import { type DigestEntry, type DigestRoom, plain } from './digest.ts'
import { type DigestWords, wordsIn } from './digest-words.ts'

export interface DigestMail {
  readonly to: string
  readonly userId: string
  readonly lang: string
  /** The name in front of the subject. */
  readonly brand: string
  /** The wish for mails, as the app named it. */
  readonly app: string
  readonly rooms: readonly DigestRoom[]
  /** Whether there is more than the digest tells. */
  readonly more: boolean
  /** Where a room is opened: `{base}/#/room/{room}`. */
  readonly webClient: string
  readonly unsubscribeUrl: string
}

const MOST_NAMES = 3

const nameOf = ({ name, entries }: DigestRoom, words: DigestWords): string => {
  if (name !== undefined) return name
  const senders = [...new Set(entries.map(({ sender }) => sender))].slice(0, MOST_NAMES)
  const last = senders.at(-1) ?? ''
  const before = senders.slice(0, -1)
  return words.unnamed(before.length === 0 ? last : `${before.join(', ')} ${words.and} ${last}`)
}

const subjectOf = (rooms: readonly DigestRoom[], words: DigestWords): string => {
  const count = rooms.reduce((sum, { entries }) => sum + entries.length, 0)
  const [first] = rooms
  const [entry] = first?.entries ?? []
  if (first === undefined || rooms.length > 1) return words.subjectOfRooms(rooms.length, count)
  return entry?.kind === 'invite' && count === 1
    ? words.subjectOfInvite(entry.sender)
    : words.subjectOfRoom(nameOf(first, words), count)
}

const timeOf = (sentAtMs: number, { language }: DigestWords): string =>
  momentText(sentAtMs, { language, dateStyle: 'medium' })

const sentence = ({ kind, sender, text }: DigestEntry, words: DigestWords): string => {
  if (kind === 'said') return `${sender}: ${text}`
  return kind === 'emote' ? `* ${sender} ${text}` : words.did[kind](sender)
}

const aside = ({ inThread, sentAtMs }: DigestEntry, words: DigestWords): string =>
  [timeOf(sentAtMs, words), ...(inThread ? [words.inThread] : [])].join(', ')

const linkOf = ({ roomId }: DigestRoom, { webClient }: DigestMail): string =>
  `${webClient}/#/room/${encodeURIComponent(roomId)}`

const textOf = (mail: DigestMail, words: DigestWords): string => {
  const rooms = mail.rooms.map((room) =>
    [
      `== ${nameOf(room, words)} ==`,
      ...room.entries.map((entry) => `${sentence(entry, words)}\n  (${aside(entry, words)})`),
      `${words.open}: ${linkOf(room, mail)}`,
    ].join('\n'),
  )
  const rest = mail.more ? [words.more] : []
  const end = `${words.why(mail.app, mail.to)}\n${words.unsubscribe}: ${mail.unsubscribeUrl}`
  return [words.lead(mail.userId), ...rooms, ...rest, `-- \n${end}`].join('\n\n').concat('\n')
}

const SMALL = 'font-size:13px;opacity:.75'

const htmlOf = (mail: DigestMail, words: DigestWords, subject: string): string => {
  const rooms = mail.rooms.map(
    (room) => `<h2 style="font-size:18px;margin:24px 0 8px"><bdi>${escaped(nameOf(room, words))}</bdi></h2>
${room.entries.map((entry) => entryHtml(entry, words)).join('\n')}
<p><a href="${escaped(linkOf(room, mail))}">${escaped(words.open)}</a></p>`,
  )
  return mailPage({
    ...{ language: words.language, title: subject, widthEm: 38 },
    body: `<p>${escaped(words.lead(mail.userId))}</p>
${rooms.join('\n')}
${mail.more ? `<p>${escaped(words.more)}</p>\n` : ''}<hr>
<p style="${SMALL}">${escaped(words.why(mail.app, mail.to))}
<a href="${escaped(mail.unsubscribeUrl)}">${escaped(words.unsubscribe)}</a></p>
`,
  })
}

const entryHtml = (entry: DigestEntry, words: DigestWords): string => {
  const { kind, sender, text } = entry
  const said =
    kind === 'said'
      ? `<strong><bdi>${escaped(sender)}</bdi></strong>: <bdi>${escaped(text)}</bdi>`
      : `<bdi>${escaped(sentence(entry, words))}</bdi>`
  return `<p style="margin:4px 0">${said}<br><span style="${SMALL}">${escaped(aside(entry, words))}</span></p>`
}

/** The mail that tells of unread events: text and HTML without anything remote, and the headers by which a mail program ends such mails (RFC 8058). */
export const digestMail = (mail: DigestMail): OutgoingMail => {
  const words = wordsIn(mail.lang)
  const subject = plain(`[${mail.brand}] ${subjectOf(mail.rooms, words)}`, 150)
  return {
    to: mail.to,
    subject,
    text: textOf(mail, words),
    html: htmlOf(mail, words, subject),
    headers: {
      'List-Unsubscribe': `<${mail.unsubscribeUrl}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    },
  }
}

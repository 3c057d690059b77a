import type { Command } from 'commander'
import type { JsonObject } from '#spec'
import { StartError } from '../host/start-error.ts'
import { type CommandContext, inOneLine, type Operand, operatorCommand, said, textIn } from './output.ts'
import { allRows } from './pages.ts'

const ROOM: Operand = { name: 'room', description: 'the room id' }

interface ByRoom {
  readonly room: string
}

/** Adds the commands over rooms. */
export const addRoomCommands = (program: Command, context: CommandContext): void => {
  const rooms = program.command('rooms').description('rooms: list, show, block, delete …')
  addListing(rooms, context)
  for (const [name, description, blocked] of [
    ['block', 'let nobody of this server enter a room; it need not be known', true],
    ['unblock', 'let people enter the room again', false],
  ] as const) {
    operatorCommand<ByRoom>(rooms, context, {
      ...{ name, description },
      operand: ROOM,
      options: [],
      run: async (ask, { room }) => {
        const answer = await ask('set-room-blocked', { room, blocked })
        return said(answer, `${room} is ${blocked ? 'blocked' : 'not blocked any more'}.`)
      },
    })
  }
  addEnding(rooms, context)
}

const addListing = (rooms: Command, context: CommandContext): void => {
  operatorCommand<{ readonly search?: string }>(rooms, context, {
    name: 'list',
    description: 'list all rooms by name, one a line, or those that fit',
    options: [['--search <text>', 'with this text in the name, the main alias or the id']],
    run: async (ask, { search }) => {
      const input = search === undefined ? {} : { search }
      const found = await allRows(ask, { command: 'list-rooms', at: 'from', rows: 'rooms', input })
      return said({ rooms: found }, found.length === 0 ? 'There are no rooms.' : found.map(lineOf).join('\n'))
    },
  })
  operatorCommand<ByRoom>(rooms, context, {
    ...{ name: 'show', description: 'show a room' },
    operand: ROOM,
    options: [],
    run: async (ask, { room }) => {
      const answer = await ask('show-room', { room })
      const lines = Object.entries(answer).flatMap(([name, value]) =>
        value === null
          ? []
          : `${name.replaceAll('_', ' ')}: ${typeof value === 'string' ? inOneLine(value) : JSON.stringify(value)}`,
      )
      return said(answer, lines.join('\n'))
    },
  })
}

const addEnding = (rooms: Command, context: CommandContext): void => {
  operatorCommand<ByRoom & { block?: boolean; message?: string; newRoomUser?: string }>(rooms, context, {
    name: 'delete',
    description: 'take all users of this server out of a room and remove it from the database; a job',
    operand: ROOM,
    options: [
      ['--block', 'let nobody of this server enter it again'],
      ['--new-room-user <user>', 'the user who makes a new room for them and is alone to speak there'],
      ['--message <text>', 'what the new room tells them'],
    ],
    run: async (ask, { room, block = false, message, newRoomUser }) => {
      const answer = await ask('delete-room', {
        ...{ room, block },
        ...(message === undefined ? {} : { message }),
        ...(newRoomUser === undefined ? {} : { new_room_user: newRoomUser }),
      })
      return said(answer, jobLine(answer))
    },
  })
  operatorCommand<ByRoom & { days?: string; local?: boolean }>(rooms, context, {
    name: 'purge-history',
    description: 'remove old messages of a room from the database; a job',
    operand: ROOM,
    options: [
      ['--days <number>', 'messages that are older'],
      ['--local', 'those of users of this server too, which nobody else may have'],
    ],
    run: async (ask, { room, days, local = false }) => {
      const answer = await ask('purge-room-history', { room, local, before_ts: daysAgo(days) })
      return said(answer, jobLine(answer))
    },
  })
}

/** Throws `StartError`. */
export const daysAgo = (days: string | undefined): number => {
  if (days === undefined || !/^\d{1,5}$/.test(days)) throw new StartError('--days takes a whole number')
  return Math.max(0, Date.now() - Number(days) * 86_400_000)
}

export const jobLine = (answer: JsonObject): string =>
  `Begun as job ${textIn(answer, 'job')}; jobs show ${textIn(answer, 'job')} tells how far it is.`

const lineOf = (room: JsonObject): string =>
  [
    textIn(room, 'room_id'),
    JSON.stringify(room.joined_members),
    textIn(room, 'name') || '-',
    textIn(room, 'canonical_alias'),
  ]
    .join('  ')
    .trimEnd()

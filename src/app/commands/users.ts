import type { Command } from 'commander'
import { shownDate } from '#base'
import { isJsonObject, type JsonObject, type JsonValue, stringAt } from '#spec'
import type { Ask } from '../operator/ask.ts'
import { type CommandContext, inOneLine, type Operand, operatorCommand, type Said, said, textIn } from './output.ts'
import { allRows } from './pages.ts'
import { readPassword } from './password-prompt.ts'
import { addUserLimits } from './user-limits.ts'

const USER: Operand = { name: 'user', description: 'the user id, or its part between @ and :' }

interface ByUser {
  readonly user: string
}

/** Adds the commands over accounts. */
export const addUserCommands = (program: Command, context: CommandContext): void => {
  const users = program.command('users').description('accounts: list, show, create, set-password, lock …')
  addNewUser(users, context)
  addListing(users, context)
  addSwitches(users, context)
  addUserLimits(users, context, USER)
  addEnding(users, context)
}

const addNewUser = (users: Command, context: CommandContext): void => {
  operatorCommand<ByUser & { admin?: boolean }>(users, context, {
    ...{ name: 'create', flat: 'create-user' },
    description: 'make an account',
    operand: USER,
    options: [['--admin', 'may administer the server']],
    run: async (ask, { user, admin = false }) => {
      const answer = await ask('create-user', { user, password: await readPassword(), admin })
      return said(answer, `Made ${textIn(answer, 'user_id')}${admin ? ', who may administer the server' : ''}.`)
    },
  })
  operatorCommand<ByUser & { keepSessions?: boolean }>(users, context, {
    ...{ name: 'set-password', flat: 'set-password' },
    description: 'give an account a new password, and end its sessions',
    operand: USER,
    options: [['--keep-sessions', 'sessions that are open go on']],
    run: async (ask, { user, keepSessions = false }) => {
      const answer = await ask('set-password', { user, password: await readPassword(), keep_sessions: keepSessions })
      return said(
        answer,
        `${textIn(answer, 'user_id')} has a new password${keepSessions ? '' : ', and no session any more'}.`,
      )
    },
  })
}

interface ListFlags {
  readonly search?: string
  readonly admins?: boolean
  readonly locked?: boolean
  readonly deactivated?: boolean
}

const flagsIn = (flags: Readonly<Record<string, string | boolean | undefined>>): JsonObject =>
  Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))

/** By user id. */
const found = async (ask: Ask, filters: JsonObject): Promise<Said> => {
  const users = await allRows(ask, { command: 'search-users', at: 'from', rows: 'users', input: filters })
  return said({ users }, users.map(foundLine).join('\n'))
}

const foundLine = (user: JsonObject): string => {
  const marks = ['admin', 'guest', 'locked', 'suspended', 'deactivated'].filter((mark) => user[mark] === true)
  return [textIn(user, 'user_id'), ...marks].join(' ')
}

const addListing = (users: Command, context: CommandContext): void => {
  operatorCommand<ListFlags>(users, context, {
    ...{ name: 'list', flat: 'list-users' },
    description: 'list all accounts, one a line, or those that fit',
    options: [
      ['--search <text>', 'whose name or display name has this text'],
      ['--admins', 'who may administer the server'],
      ['--locked', 'that are locked'],
      ['--deactivated', 'that are deactivated'],
    ],
    run: async (ask, { search, admins, locked, deactivated }) => {
      const filters = flagsIn({ text: search, admins, locked, deactivated })
      if (Object.keys(filters).length > 0) return found(ask, filters)
      const users = await allRows(ask, { command: 'list-users', at: 'after', rows: 'users' })
      return said({ users }, users.map(userLine).join('\n'))
    },
  })
  operatorCommand<ByUser>(users, context, {
    ...{ name: 'show', flat: 'show-user' },
    description: 'show an account with its sessions and addresses',
    operand: USER,
    options: [],
    run: async (ask, { user }) => {
      const answer = await ask('show-user', { user })
      return said(answer, detailsOf(answer))
    },
  })
}

/** A state of an account that one command sets and another one ends. */
interface Switch {
  readonly name: string
  readonly flat?: string
  readonly description: string
  /** The request, and the value of its one member beside the user. */
  readonly asks: 'set-locked' | 'set-suspended' | 'set-shadow-banned' | 'set-admin'
  readonly sets: Readonly<Record<string, boolean>>
  /** Said behind the account's id. */
  readonly done: string
}

const SWITCHES: readonly Switch[] = [
  {
    ...{ name: 'lock', flat: 'lock-user', asks: 'set-locked', sets: { locked: true } },
    description: 'let an account do nothing until it is unlocked; it keeps everything',
    done: 'is locked.',
  },
  {
    ...{ name: 'unlock', flat: 'unlock-user', asks: 'set-locked', sets: { locked: false } },
    description: 'end the lock of an account',
    done: 'is not locked any more.',
  },
  {
    ...{ name: 'suspend', flat: 'suspend-user', asks: 'set-suspended', sets: { suspended: true } },
    description: 'let an account read, leave rooms and take back what it said, and say nothing new',
    done: 'is suspended.',
  },
  {
    ...{ name: 'unsuspend', flat: 'unsuspend-user', asks: 'set-suspended', sets: { suspended: false } },
    description: 'end that',
    done: 'is not suspended any more.',
  },
  {
    ...{ name: 'shadow-ban', asks: 'set-shadow-banned', sets: { shadow_banned: true } },
    description: 'take what an account does, and let nothing of it reach anybody',
    done: 'is shadow-banned.',
  },
  {
    ...{ name: 'lift-shadow-ban', asks: 'set-shadow-banned', sets: { shadow_banned: false } },
    description: 'end that',
    done: 'is not shadow-banned any more.',
  },
  {
    ...{ name: 'make-admin', flat: 'grant-admin', asks: 'set-admin', sets: { admin: true } },
    description: 'let an account administer the server',
    done: 'may administer the server.',
  },
  {
    ...{ name: 'revoke-admin', flat: 'revoke-admin', asks: 'set-admin', sets: { admin: false } },
    description: 'take that right away',
    done: 'may not administer the server.',
  },
]

const addSwitches = (users: Command, context: CommandContext): void => {
  for (const { name, flat, description, asks, sets, done } of SWITCHES) {
    operatorCommand<ByUser>(users, context, {
      ...{ name, description, ...(flat === undefined ? {} : { flat }) },
      operand: USER,
      options: [],
      run: async (ask, { user }) => {
        const answer = await ask(asks, { user, ...sets })
        return said(answer, `${textIn(answer, 'user_id')} ${done}`)
      },
    })
  }
}

const addEnding = (users: Command, context: CommandContext): void => {
  operatorCommand<ByUser & { device?: string }>(users, context, {
    ...{ name: 'end-sessions', flat: 'end-sessions' },
    description: 'log an account out everywhere, or at one device',
    operand: USER,
    options: [['--device <id>', 'this session alone; users show lists them']],
    run: async (ask, { user, device }) => {
      const answer = await ask('end-sessions', { user, ...(device === undefined ? {} : { device }) })
      const ended = answer.devices as readonly string[]
      return said(
        answer,
        `Ended ${ended.length} ${ended.length === 1 ? 'session' : 'sessions'} of ${textIn(answer, 'user_id')}.`,
      )
    },
  })
  operatorCommand<ByUser>(users, context, {
    name: 'reactivate',
    description: 'open a deactivated account again, with the name and a new password alone',
    operand: USER,
    options: [],
    run: async (ask, { user }) => {
      const answer = await ask('reactivate-user', { user, password: await readPassword() })
      return said(answer, `${textIn(answer, 'user_id')} is open again.`)
    },
  })
  operatorCommand<ByUser & { erase?: boolean }>(users, context, {
    ...{ name: 'deactivate', flat: 'deactivate-user' },
    description: 'end an account for good: its sessions, addresses and rooms; the name stays taken',
    operand: USER,
    options: [['--erase', 'also erase what they said, as far as possible']],
    run: async (ask, { user, erase = false }) => {
      const answer = await ask('deactivate-user', { user, erase })
      const bound = answer.id_server_unbind_result === 'success' ? '' : ' An identity server may still know an address.'
      return said(answer, `Deactivated ${textIn(answer, 'user_id')}.${bound}`)
    },
  })
}

const SECONDS_LENGTH = ':00.000Z'.length

/** To the minute. */
const dateOf = (ms: JsonValue | undefined): string =>
  typeof ms === 'number' ? shownDate(ms).toISOString().slice(0, -SECONDS_LENGTH).replace('T', ' ') : 'never'

const userLine = (user: JsonObject): string => {
  const marks = [
    ...(user.admin === true ? ['admin'] : []),
    ...(user.guest === true ? ['guest'] : []),
    ...(typeof user.locked_ts === 'number' ? ['locked'] : []),
    ...(typeof user.suspended_ts === 'number' ? ['suspended'] : []),
    ...(typeof user.deactivated_ts === 'number' ? ['deactivated'] : []),
    ...(user.shadow_banned === true ? ['shadow-banned'] : []),
    ...(typeof user.user_type === 'string' ? [inOneLine(user.user_type)] : []),
  ]
  return [textIn(user, 'user_id'), ...marks].join(' ')
}

const limitOf = (limit: JsonValue | undefined): readonly string[] => {
  if (!isJsonObject(limit)) return []
  const [perSecond, burst] = [Number(limit.messages_per_second), Number(limit.burst_count)]
  return [`  May send       ${perSecond === 0 ? 'without limits' : `${perSecond} a second, ${burst} at once`}`]
}

const detailsOf = (user: JsonObject): string => {
  const devices = (user.devices as readonly JsonObject[]).map(
    (device) =>
      `  Session        ${textIn(device, 'device_id')}, ${shown(device.display_name)}, last seen ${dateOf(device.last_seen_ts)} at ${stringAt(device, 'last_seen_ip') ?? 'no address'}`,
  )
  const addresses = (user.addresses as readonly JsonObject[]).map(
    (one) => `  Address        ${textIn(one, 'address')} (${textIn(one, 'medium')})`,
  )
  const providers = (user.sign_in_providers as readonly string[]).map((id) => `  Signs in by    ${id}`)
  const made = `  Made           ${dateOf(user.created_ts)}${user.has_password === true ? '' : ', without a password'}`
  const limits = limitOf(user.limit)
  const end = typeof user.expires_ts === 'number' ? [`  Valid until    ${dateOf(user.expires_ts)}`] : []
  return [userLine(user), made, ...limits, ...end, ...addresses, ...providers, ...devices].join('\n')
}

const shown = (text: JsonValue | undefined): string => (typeof text === 'string' ? inOneLine(text) : 'without a name')

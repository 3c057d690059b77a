import type { Command } from 'commander'
import { type JsonObject, type JsonValue, stringAt } from '#spec'
import type { Ask } from '../operator/ask.ts'
import { type CommandContext, inOneLine, type Operand, operatorCommand, type Said, said, textIn } from './output.ts'
import { readPassword } from './password-prompt.ts'

const USER: Operand = { name: 'user', description: 'the user id, or its part between @ and :' }

interface ByUser {
  readonly user: string
}

/** Adds the commands over accounts. */
export const addUserCommands = (program: Command, context: CommandContext): void => {
  const users = program.command('users').description('accounts: list, show, create, set-password, lock …')
  addNewUser(users, context)
  addListing(users, context)
  addLocking(users, context)
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
  const users: JsonObject[] = []
  let from: JsonValue | undefined = 0
  while (from !== undefined) {
    const page: JsonObject = await ask('search-users', { ...filters, from })
    users.push(...(page.users as JsonObject[]))
    from = page.next
  }
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
      const users: JsonObject[] = []
      let after: JsonValue | undefined = 0
      while (after !== undefined) {
        const page: JsonObject = await ask('list-users', { after })
        users.push(...(page.users as JsonObject[]))
        after = page.next
      }
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

const addLocking = (users: Command, context: CommandContext): void => {
  for (const [name, flat, description, locked] of [
    ['lock', 'lock-user', 'let an account do nothing until it is unlocked; it keeps everything', true],
    ['unlock', 'unlock-user', 'end the lock of an account', false],
  ] as const) {
    operatorCommand<ByUser>(users, context, {
      ...{ name, flat, description },
      operand: USER,
      options: [],
      run: async (ask, { user }) => {
        const answer = await ask('set-locked', { user, locked })
        return said(answer, `${textIn(answer, 'user_id')} is ${locked ? 'locked' : 'not locked any more'}.`)
      },
    })
  }
  for (const [name, flat, description, suspended] of [
    [
      'suspend',
      'suspend-user',
      'let an account read, leave rooms and take back what it said, and say nothing new',
      true,
    ],
    ['unsuspend', 'unsuspend-user', 'end that', false],
  ] as const) {
    operatorCommand<ByUser>(users, context, {
      ...{ name, flat, description },
      operand: USER,
      options: [],
      run: async (ask, { user }) => {
        const answer = await ask('set-suspended', { user, suspended })
        return said(answer, `${textIn(answer, 'user_id')} is ${suspended ? 'suspended' : 'not suspended any more'}.`)
      },
    })
  }
  for (const [name, flat, description, admin] of [
    ['make-admin', 'grant-admin', 'let an account administer the server', true],
    ['revoke-admin', 'revoke-admin', 'take that right away', false],
  ] as const) {
    operatorCommand<ByUser>(users, context, {
      ...{ name, flat, description },
      operand: USER,
      options: [],
      run: async (ask, { user }) => {
        const answer = await ask('set-admin', { user, admin })
        return said(answer, `${textIn(answer, 'user_id')} may ${admin ? '' : 'not '}administer the server.`)
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

const dateOf = (ms: JsonValue | undefined): string =>
  typeof ms === 'number' ? new Date(ms).toISOString().slice(0, 16).replace('T', ' ') : 'never'

const userLine = (user: JsonObject): string => {
  const marks = [
    ...(user.admin === true ? ['admin'] : []),
    ...(user.guest === true ? ['guest'] : []),
    ...(typeof user.locked_ts === 'number' ? ['locked'] : []),
    ...(typeof user.suspended_ts === 'number' ? ['suspended'] : []),
    ...(typeof user.deactivated_ts === 'number' ? ['deactivated'] : []),
  ]
  return [textIn(user, 'user_id'), ...marks].join(' ')
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
  return [userLine(user), made, ...addresses, ...providers, ...devices].join('\n')
}

const shown = (text: JsonValue | undefined): string => (typeof text === 'string' ? inOneLine(text) : 'without a name')

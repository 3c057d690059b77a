import type { Command } from 'commander'
import { type JsonObject, type JsonValue, stringAt } from '#spec'
import { type CommandContext, operatorCommand, said, textIn } from './cli-output.ts'
import { readPassword } from './password-prompt.ts'

const USER = ['--user <name>', 'the user id, or its part between @ and :'] as const

interface ByUser {
  readonly user: string
}

/** Adds the commands over accounts. */
export const addUserCommands = (program: Command, context: CommandContext): void => {
  addNewUser(program, context)
  addListing(program, context)
  addLocking(program, context)
  addEnding(program, context)
}

const addNewUser = (program: Command, context: CommandContext): void => {
  operatorCommand<ByUser & { admin?: boolean }>(program, context, {
    name: 'create-user',
    description: 'make an account',
    options: [USER, ['--admin', 'may administer the server']],
    run: async (ask, { user, admin = false }) => {
      const answer = await ask('create-user', { user, password: await readPassword(), admin })
      return said(answer, `Made ${textIn(answer, 'user_id')}${admin ? ', who may administer the server' : ''}.`)
    },
  })
  operatorCommand<ByUser & { keepSessions?: boolean }>(program, context, {
    name: 'set-password',
    description: 'give an account a new password, and end its sessions',
    options: [USER, ['--keep-sessions', 'sessions that are open go on']],
    run: async (ask, { user, keepSessions = false }) => {
      const answer = await ask('set-password', { user, password: await readPassword(), keep_sessions: keepSessions })
      return said(
        answer,
        `${textIn(answer, 'user_id')} has a new password${keepSessions ? '' : ', and no session any more'}.`,
      )
    },
  })
}

const addListing = (program: Command, context: CommandContext): void => {
  operatorCommand(program, context, {
    name: 'list-users',
    description: 'list all accounts, one a line',
    options: [],
    run: async (ask) => {
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
  operatorCommand<ByUser>(program, context, {
    name: 'show-user',
    description: 'show an account with its sessions and addresses',
    options: [USER],
    run: async (ask, { user }) => {
      const answer = await ask('show-user', { user })
      return said(answer, detailsOf(answer))
    },
  })
}

const addLocking = (program: Command, context: CommandContext): void => {
  for (const [name, description, locked] of [
    ['lock-user', 'let an account do nothing until it is unlocked; it keeps everything', true],
    ['unlock-user', 'end the lock of an account', false],
  ] as const) {
    operatorCommand<ByUser>(program, context, {
      ...{ name, description },
      options: [USER],
      run: async (ask, { user }) => {
        const answer = await ask('set-locked', { user, locked })
        return said(answer, `${textIn(answer, 'user_id')} is ${locked ? 'locked' : 'not locked any more'}.`)
      },
    })
  }
  for (const [name, description, suspended] of [
    ['suspend-user', 'let an account read, leave rooms and take back what it said, and say nothing new', true],
    ['unsuspend-user', 'end that', false],
  ] as const) {
    operatorCommand<ByUser>(program, context, {
      ...{ name, description },
      options: [USER],
      run: async (ask, { user }) => {
        const answer = await ask('set-suspended', { user, suspended })
        return said(answer, `${textIn(answer, 'user_id')} is ${suspended ? 'suspended' : 'not suspended any more'}.`)
      },
    })
  }
  for (const [name, description, admin] of [
    ['grant-admin', 'let an account administer the server', true],
    ['revoke-admin', 'take that right away', false],
  ] as const) {
    operatorCommand<ByUser>(program, context, {
      ...{ name, description },
      options: [USER],
      run: async (ask, { user }) => {
        const answer = await ask('set-admin', { user, admin })
        return said(answer, `${textIn(answer, 'user_id')} may ${admin ? '' : 'not '}administer the server.`)
      },
    })
  }
}

const addEnding = (program: Command, context: CommandContext): void => {
  operatorCommand<ByUser & { device?: string }>(program, context, {
    name: 'end-sessions',
    description: 'log an account out everywhere, or at one device',
    options: [USER, ['--device <id>', 'this session alone; show-user lists them']],
    run: async (ask, { user, device }) => {
      const answer = await ask('end-sessions', { user, ...(device === undefined ? {} : { device }) })
      const ended = answer.devices as readonly string[]
      return said(
        answer,
        `Ended ${ended.length} ${ended.length === 1 ? 'session' : 'sessions'} of ${textIn(answer, 'user_id')}.`,
      )
    },
  })
  operatorCommand<ByUser & { erase?: boolean }>(program, context, {
    name: 'deactivate-user',
    description: 'end an account for good: its sessions, addresses and rooms; the name stays taken',
    options: [USER, ['--erase', 'also erase what they said, as far as possible']],
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

/** Names of devices come from clients: no control character reaches the terminal. */
const shown = (text: JsonValue | undefined): string =>
  typeof text === 'string' ? text.replaceAll(/\p{Cc}/gu, ' ') : 'without a name'

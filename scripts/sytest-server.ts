// The server command for Sytest, which says in HS_* variables where a homeserver shall listen and keep its data. Here they
// become flags and variables that any operator could give, and Homeroom takes the place of this process, so that signals
// reach it.
//
//   SYTEST=<checkout> <sytest>/run.sh WORKDIR "node <repository>/scripts/sytest-server.ts" -O tap tests/30rooms/01state.pl
//
// HOMEROOM_SYTEST_DATABASE=postgres://… gives each server an empty database of that name plus its index, made beforehand.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../bin/homeroom.js', import.meta.url))

function required(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') {
    console.error(`${name} is not set; this command is for Sytest, see docs/conformance.md`)
    process.exit(64)
  }
  return value
}

const isOn = (name: string): boolean => process.env[name] === '1'

const flags = [
  ['--server-name', required('HS_SERVER_NAME')],
  ['--host', required('HS_BIND_HOST')],
  ['--port', required('HS_CLIENT_PORT')],
  ['--tls-port', required('HS_TLS_PORT')],
  ['--tls-cert', required('HS_TLS_CERT')],
  ['--tls-key', required('HS_TLS_KEY')],
  ['--data', required('HS_DATABASE_DIR')],
  ['--registration', isOn('HS_OPEN_REGISTRATION') ? 'open' : 'closed'],
  ['--registration-shared-secret', required('HS_REGISTRATION_SHARED_SECRET')],
  isOn('HS_NO_RATE_LIMIT') ? ['--no-rate-limit'] : [],
]
const database = process.env.HOMEROOM_SYTEST_DATABASE
if (database !== undefined) flags.push(['--database', `${database}${required('HS_INDEX')}`])

/** Its servers have certificates of its authority, but its identity server has one of its own, and a port of its own each time. */
function certificates(): string {
  const authority = required('HS_CA_CERT')
  const folder = required('HS_DATABASE_DIR')
  const file = join(folder, 'trusted-certificates.pem')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const own = join(dirname(authority), 'tls-selfsigned.crt')
  writeFileSync(file, [authority, own].map((path) => readFileSync(path, 'utf8')).join('\n'))
  return file
}

const environment: Record<string, string | undefined> = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HOMEROOM_'))),
  HOMEROOM_SERVER_PUBLIC_BASE_URL: required('HS_PUBLIC_BASEURL'),
  // The peer that it makes of itself knows rooms of version 1 to 11, and some of its tests read what version 11 took away.
  HOMEROOM_SERVER_DEFAULT_ROOM_VERSION: '10',
  // Some of its users have very short ones.
  HOMEROOM_PASSWORDS_MIN_LENGTH: '1',
  HOMEROOM_REGISTRATION_GUESTS: String(isOn('HS_ALLOW_GUESTS')),
  NODE_EXTRA_CA_CERTS: certificates(),
  // The other server and the peer that it makes of itself stand on loopback, at the port in their names.
  HOMEROOM_FEDERATION_ALLOWED_NETWORKS: '127.0.0.0/8,::1',
  HOMEROOM_FEDERATION_CA: certificates(),
  HOMEROOM_IDENTITY_SERVERS_TRUSTED: 'localhost:*',
  // The pages that Sytest has previewed stand on loopback, at any port.
  HOMEROOM_URL_PREVIEWS_ENABLED: 'true',
  HOMEROOM_URL_PREVIEWS_ALLOWED_NETWORKS: '127.0.0.0/8,::1',
  HOMEROOM_URL_PREVIEWS_PORTS: '',
  // As does its push gateway.
  HOMEROOM_PUSH_ALLOW_PRIVATE_ADDRESSES: 'true',
}

/** What some of its runs have and others have not: a value of its own goes over as the setting. */
function hand(name: string, setting: string, more: Readonly<Record<string, string>> = {}): void {
  const value = process.env[name]
  if (value !== undefined && value !== '') Object.assign(environment, { [`HOMEROOM_${setting}`]: value }, more)
}

const registrations = process.env.HS_APPSERVICE_FILES
if (registrations !== undefined && registrations !== '')
  Object.assign(environment, { HOMEROOM_APPSERVICES_FILES: registrations.split(':').join() })
hand('HS_RECAPTCHA_PUBLIC_KEY', 'CAPTCHA_PUBLIC_KEY')
hand('HS_RECAPTCHA_PRIVATE_KEY', 'CAPTCHA_PRIVATE_KEY')
hand('HS_RECAPTCHA_VERIFY_URL', 'CAPTCHA_VERIFY_URL')
// Its CAS server knows people by the local parts of accounts that are there already, and nobody is there to choose a name.
hand('HS_CAS_SERVER_URL', 'CAS_SERVER_URL', {
  HOMEROOM_CAS_LINK_EXISTING: 'localpart',
  HOMEROOM_CAS_CHOOSE_USER_NAME: 'false',
})
hand('HS_SMTP_PORT', 'MAIL_SMTP_PORT')
hand('HS_SMTP_HOST', 'MAIL_SMTP_HOST', {
  HOMEROOM_MAIL_FROM: `Homeroom <noreply@example.org>`,
  HOMEROOM_MAIL_SECURITY: 'none',
  HOMEROOM_REGISTRATION_EMAIL: 'optional',
  // It opens the links in its mails, and presses nothing.
  HOMEROOM_MAIL_CONFIRM_BY_BUTTON: 'passwordReset',
})

if (process.execve === undefined) throw new Error('this command needs an operating system that can replace a process')
process.execve(process.execPath, [process.execPath, program, 'start', ...flags.flat()], environment)

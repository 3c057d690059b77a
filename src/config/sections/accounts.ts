import { baseUrl, duration, durationOrNever, integer, list, nonEmptyText, oneOf, size, yesOrNo } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const registration = {
  title: 'Who may register',
  settings: {
    mode: optional(oneOf('open', 'token', 'closed'), {
      flag: 'registration',
      description:
        'open: anyone; token: whoever has a registration token; closed: nobody but by users create and the shared secret. Unset: open while the server name is localhost and it listens on loopback, else closed.',
    }),
    sharedSecret: optional(nonEmptyText, {
      flag: 'registration-shared-secret',
      secret: true,
      description: 'Lets whoever knows it make accounts at /_synapse/admin/v1/register.',
    }),
    reservedUsernames: setting(list(nonEmptyText), [], {
      description:
        'Local parts of user ids that nobody may register, for staff, bridges and the like: names, or patterns with * and ?. The command users create and the shared secret may.',
    }),
    allowedUsernames: setting(list(nonEmptyText), [], {
      description:
        'The only local parts that people may choose: patterns with * and ?, such as *.staff. Empty: all that are not reserved.',
    }),
    approval: setting(yesOrNo, false, {
      description:
        'Whether a new account cannot be used before an administrator has approved it. Accounts that administrators, the shared secret and application services make need no approval.',
    }),
    guests: setting(yesOrNo, false, { description: 'Whether guest accounts are given out.' }),
    captcha: setting(yesOrNo, false, {
      description: 'Whether a registration must solve a captcha; needs the keys of section captcha.',
    }),
    oauth2: setting(yesOrNo, false, {
      description:
        'Whether signing in at one of the signIn.providers is another way to register: m.login.oauth2. Then an account needs no password.',
    }),
    email: setting(oneOf('off', 'optional', 'required'), 'off', {
      description:
        'Whether a registration proves an e-mail address, which then belongs to the account. Needs the section mail, or identityServers.trusted.',
    }),
    termsUrl: optional(baseUrl, {
      description: 'The page with the terms of use; set, a registration must agree to them.',
    }),
    termsVersion: setting(nonEmptyText, '1.0', { description: 'The version of the terms, as clients show it.' }),
    termsName: setting(nonEmptyText, 'Terms of use', { description: 'The name of the terms, as clients show it.' }),
  },
} as const

export const captcha = {
  title: 'The captcha of registrations: reCAPTCHA, or what speaks like it',
  settings: {
    publicKey: optional(nonEmptyText, { description: 'The site key, given to clients.' }),
    privateKey: optional(nonEmptyText, {
      secret: true,
      description: 'The secret key, with which answers are checked.',
    }),
    verifyUrl: setting(baseUrl, 'https://www.google.com/recaptcha/api/siteverify', {
      description: 'Where answers are checked.',
    }),
    scriptUrl: setting(baseUrl, 'https://www.google.com/recaptcha/api.js', {
      description: "The widget's script for browsers, on the page of clients that have no captcha of their own.",
    }),
    timeout: setting(duration, '10s', { description: 'How long a check may take; then the captcha fails.' }),
  },
} as const

export const sessions = {
  title: 'How long a login lasts',
  settings: {
    accessTokenLifetime: setting(durationOrNever, 'never', {
      description: 'Of access tokens of clients that can not refresh; ends in a soft logout.',
    }),
    refreshableAccessTokenLifetime: setting(durationOrNever, '1h', {
      description: 'Of access tokens of clients that asked for a refresh token.',
    }),
    refreshTokenLifetime: setting(durationOrNever, 'never', { description: 'Of a refresh token that is not used.' }),
    devicesPerUser: setting(integer(1, 100_000, 'devices'), 1_000, {
      description:
        'Devices that one user may be logged in with: each gets every key of an encrypted room. A login on a further one is refused.',
    }),
    authenticationSessionLifetime: setting(duration, '30m', {
      description: 'How long a user-interactive authentication may take.',
    }),
  },
} as const

export const passwords = {
  title: 'How passwords are kept',
  settings: {
    minLength: setting(integer(1, 512, 'characters'), 8, {
      description: 'The shortest password that is taken; longer than 512 characters none is.',
    }),
    hashMemory: setting(size, '19MiB', {
      description:
        'Memory that one hash (argon2id) takes. Raised, a password gets a new hash at the next login with it.',
    }),
    hashPasses: setting(integer(1, 100, 'passes'), 2, {
      description: 'Passes over that memory; the time of one hash grows with both.',
    }),
    hashesAtOnce: setting(integer(1, 64, 'hashes'), 2, {
      description:
        'Hashes made at the same time, each on a thread of its own; Node has four unless UV_THREADPOOL_SIZE says otherwise.',
    }),
  },
} as const

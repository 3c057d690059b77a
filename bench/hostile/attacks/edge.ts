import { type Attack, texts } from '../attack.ts'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
const wrongToken = (number: number): string => `hra_${String(number).padStart(43, LETTERS)}`.slice(0, 47)

/** Requests that need no account, or that are refused before one counts. */
export const edgeAttacks: readonly Attack[] = [
  {
    name: 'wrong access tokens',
    pace: 500,
    atOnce: 16,
    act: (attacker, round) =>
      attacker.ask('GET', '/v3/account/whoami', { token: wrongToken(process.pid * 1e6 + round) }),
  },
  {
    name: 'identicons of ever new texts',
    pace: 50,
    atOnce: 8,
    act: (attacker, round) =>
      attacker.ask('GET', `/_matrix/media/v3/identicon/${attacker.name}${round}?width=256&height=256`, { token: '' }),
  },
  {
    name: 'unknown methods and paths',
    pace: 300,
    atOnce: 16,
    act: (attacker, round) =>
      attacker.ask(
        ['QUERY', 'PATCH', 'HEAD', 'PROPFIND'][round % 4] ?? 'GET',
        ['/v3/sync', '/nothing'][round % 2] ?? '',
        {
          headers: { accept: 'text/html' },
        },
      ),
  },
  {
    name: 'registrations that are begun and never finished',
    pace: 50,
    atOnce: 8,
    act: (attacker, round) =>
      attacker.ask('POST', '/v3/register', {
        body: { username: `${attacker.name}${round}`, password: 'p'.repeat(500), filler: 'x'.repeat(50_000) },
        token: '',
      }),
  },
  {
    name: 'large bodies that never end',
    pace: 50,
    atOnce: 100,
    act: (attacker, round) =>
      attacker.ask('PUT', `/v3/user/${encodeURIComponent(attacker.userId)}/account_data/a${round}`, {
        body: `{"a":"${'\\u0436'.repeat(120_000)}`,
        headers: { 'content-length': '3000000' },
        goesAfterMs: 1_000,
      }),
  },
  {
    name: 'guessed passwords',
    pace: 5,
    atOnce: 4,
    act: (attacker, round) =>
      attacker.ask('POST', '/v3/login', {
        body: {
          type: 'm.login.password',
          identifier: { type: 'm.id.user', user: attacker.name },
          password: `${round}`,
        },
        token: '',
      }),
  },
  {
    name: 'bodies of six bytes a character, and of nothing but brackets',
    pace: 20,
    atOnce: 8,
    act: (attacker, round) => {
      const body = [`{"a":"${'\\u0436'.repeat(120_000)}"}`, `{"a":[${'[],'.repeat(40_000)}1]}`][round % 2]
      return attacker.ask('PUT', `/v3/user/${encodeURIComponent(attacker.userId)}/account_data/a${round % 20}`, {
        body,
      })
    },
  },
  {
    name: 'filters of 64 KB, each another one',
    pace: 50,
    atOnce: 8,
    act: (attacker, round) => {
      const types = texts(1_000, (index) => `${round}.${index}${index < 100 ? '*x*' : ''}`)
      const filter = { room: { timeline: { types, not_types: types }, state: { types }, ephemeral: { limit: 0 } } }
      return attacker
        .ask('POST', `/v3/user/${encodeURIComponent(attacker.userId)}/filter`, { body: filter })
        .then(({ text }) =>
          attacker.ask('GET', `/v3/sync?timeout=0&filter=${JSON.parse(text).filter_id ?? ''}&since=${attacker.since}`),
        )
    },
  },
]

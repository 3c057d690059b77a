import { type Attack, texts, times } from '../attack.ts'
import type { Attacker } from '../attacker.ts'

const enc = encodeURIComponent
const accountData = (attacker: Attacker, type: string, body: unknown) =>
  attacker.must('PUT', `/v3/user/${enc(attacker.userId)}/account_data/${type}`, { body })
const startSyncing = async (attacker: Attacker): Promise<void> => {
  attacker.since = String((await attacker.must('GET', '/v3/sync')).next_batch)
}
const readOn = async (attacker: Attacker): Promise<void> => {
  const { text, status } = await attacker.ask('GET', `/v3/sync?timeout=0&since=${enc(attacker.since)}`)
  if (status === 200) attacker.since = JSON.parse(text).next_batch
}

/** A friend's messages, for those who make much of each message. */
const words = (round: number): object => ({ msgtype: 'm.text', body: `${'lorem ipsum dolor '.repeat(3_000)}${round}` })

const pushRules = (
  name: string,
  count: number,
  rule: (index: number) => readonly [path: string, body: object],
): Attack => ({
  name,
  pace: 10,
  atOnce: 4,
  prepare: async (attacker, scale) => {
    attacker.roomId = await attacker.room({ preset: 'public_chat' })
    await times(count * scale, async (index) => {
      const [path, body] = rule(index)
      await attacker.must('PUT', `/v3/pushrules/global/${path}`, { body })
    })
    await startSyncing(attacker)
  },
  act: async (attacker, round) => {
    await attacker.ask('PUT', `/v3/rooms/${enc(attacker.roomId)}/send/m.room.message/r${round}`, { body: words(round) })
    await readOn(attacker)
  },
})

/** Things that an account stores about itself, and makes the server go through again and again. */
export const peopleAttacks: readonly Attack[] = [
  pushRules('900 push rules with long patterns, and messages of 54 KB', 900, (index) => [
    `override/x${index}`,
    {
      actions: ['notify'],
      conditions: [{ kind: 'event_match', key: 'content.body', pattern: `*${'a?*'.repeat(80)}${index}` }],
    },
  ]),
  pushRules('100 words, and messages of 54 KB', 100, (index) => [
    `content/w${index}`,
    { actions: ['notify'], pattern: `word${index}` },
  ]),
  {
    name: 'an ignored-user list of 10,000, changed again and again',
    pace: 10,
    atOnce: 2,
    prepare: async (attacker) => {
      attacker.roomId = await attacker.room()
      await startSyncing(attacker)
    },
    act: async (attacker, round) => {
      const users = texts(10_000, (index) => `@user${round}_${index}:example.org`)
      await accountData(attacker, 'm.ignored_user_list', {
        ignored_users: Object.fromEntries(users.map((one) => [one, {}])),
      })
      await attacker.send(attacker.roomId, { msgtype: 'm.text', body: 'x' })
      await readOn(attacker)
    },
  },
  {
    name: 'first syncs of 60 MB of account data, 60 at once',
    pace: 60,
    atOnce: 60,
    prepare: (attacker, scale) =>
      times(120 * scale, (index) => accountData(attacker, `big${index}`, { text: 'x'.repeat(500_000) })),
    act: (attacker) => attacker.ask('GET', '/v3/sync'),
  },
  {
    name: 'first syncs whose answers nobody reads',
    pace: 30,
    atOnce: 60,
    prepare: (attacker, scale) =>
      times(60 * scale, (index) => accountData(attacker, `big${index}`, { text: 'x'.repeat(500_000) })),
    act: (attacker) => attacker.ask('GET', '/v3/sync', { goesAfterMs: 3_000 }),
  },
]

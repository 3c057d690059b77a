import { expect, it } from 'vitest'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { run } from './cli-fixture.ts'

/** Each command is a process of its own. */
const PROGRAMS_MS = 90_000

const users = (server: TestHomeserver, ...args: readonly string[]) =>
  run(['users', ...args, '--data', server.dataFolder], { input: '' })

onEveryHomeserver('commands over what one account has of its own', (start) => {
  it(
    'set its limit, its end, its type and a shadow ban, show them, and take them away',
    async () => {
      await using server = await start()
      const root = await registerAdmin(server, 'root')
      const alice = await server.register('alice')
      const standing = async () => (await alice.request('GET', '/v3/account/whoami')).body.errcode ?? 'valid'
      const said = async (...args: readonly string[]) => {
        const { code, stdout, stderr } = await users(server, ...args)
        expect([args, code, stderr]).toEqual([args, 0, ''])
        return stdout.trimEnd()
      }
      const limits = `/_synapse/admin/v1/users/${encodeURIComponent(alice.userId)}/override_ratelimit`
      expect(await said('set-limit', 'alice', '--per-second', '7', '--burst', '30')).toBe(
        `${alice.userId} has a limit of its own.`,
      )
      expect(await root.get(limits)).toEqual({ messages_per_second: 7, burst_count: 30 })
      expect(await said('set-type', 'alice', '--type', 'bot')).toBe(`${alice.userId} is that of a bot.`)
      expect(await said('set-expiry', 'alice', '--until', '2999-12-31')).toBe(
        `${alice.userId} is valid until 2999-12-31T00:00:00.000Z.`,
      )
      expect(await said('shadow-ban', 'alice')).toBe(`${alice.userId} is shadow-banned.`)
      const shown = await said('show', 'alice')
      for (const line of [
        `${alice.userId} shadow-banned bot`,
        '  May send       7 a second, 30 at once',
        '  Valid until    2999-12-31 00:00',
      ])
        expect(shown.split('\n')).toContain(line)
      expect(await standing()).toBe('valid')
      await said('set-expiry', 'alice', '--until', '2001-02-03T04:05+01:00', '--quiet')
      expect(await standing()).toBe('ORG_MATRIX_EXPIRED_ACCOUNT')
      expect(await said('set-expiry', 'alice', '--never')).toBe(`${alice.userId} has no end.`)
      expect(await standing()).toBe('valid')
      expect(await said('set-limit', 'alice', '--clear')).toBe(`${alice.userId} has limits as everybody.`)
      expect(await root.get(limits)).toEqual({})
      expect(await said('set-type', 'alice')).toBe(`${alice.userId} is that of a person.`)
      expect(await said('lift-shadow-ban', 'alice')).toBe(`${alice.userId} is not shadow-banned any more.`)
      expect((await said('show', 'alice')).split('\n')[0]).toBe(alice.userId)
      const { entries } = await root.get('/_homeroom/admin/v1/audit_log', { subject: alice.userId, limit: 100 })
      expect(entries.length).toBe(9)
      expect(new Set(entries.map(({ by, via }: { by: string; via: string }) => `${by} ${via}`))).toEqual(
        new Set(['operator command']),
      )
    },
    PROGRAMS_MS,
  )

  it(
    'show also an end that no calendar has, which programs set as for ever',
    async () => {
      await using server = await start()
      const root = await registerAdmin(server, 'root')
      const { userId } = await server.register('carol')
      const end = { user_id: userId, expiration_ts: Number.MAX_SAFE_INTEGER }
      await root.ok('POST', '/_synapse/admin/v1/account_validity/validity', { body: end })
      const token = { token: 'for-ever', expiry_time: Number.MAX_SAFE_INTEGER }
      await root.ok('POST', '/_synapse/admin/v1/registration_tokens/new', { body: token })
      const shown = await users(server, 'show', 'carol')
      expect([shown.code, shown.stderr]).toEqual([0, ''])
      expect(shown.stdout).toContain('\n  Valid until    +275760-09-13 00:00')
      const listed = await run(['list-registration-tokens', '--data', server.dataFolder], { input: '' })
      expect([listed.code, listed.stdout]).toEqual([0, 'for-ever used 0 times, until +275760-09-13T00:00:00.000Z\n'])
    },
    PROGRAMS_MS,
  )

  it(
    'refuse in one line what cannot be, and change nothing',
    async () => {
      await using server = await start()
      await server.register('bob')
      for (const [code, ...args] of [
        [78, 'set-limit', 'bob', '--per-second', '1.5', '--burst', '3'],
        [78, 'set-limit', 'bob', '--per-second', '1'],
        [78, 'set-limit', 'bob', '--per-second', '1', '--burst', '1000001'],
        [78, 'set-expiry', 'bob', '--until', 'tomorrow'],
        [78, 'set-expiry', 'bob', '--until', '2027-12-31T18:00'],
        [78, 'set-expiry', 'bob', '--until', '2027-13-31'],
        [78, 'set-expiry', 'bob'],
        [1, 'set-type', 'bob', '--type', 'king'],
        [1, 'shadow-ban', 'nobody'],
      ] as const) {
        const answer = await users(server, ...args)
        expect([args, answer.code, answer.stdout]).toEqual([args, code, ''])
        expect(answer.stderr).toMatch(/^homeroom: [^\n]+\n$/)
      }
      const { stdout } = await users(server, 'show', 'bob', '--json')
      expect(JSON.parse(stdout)).toMatchObject({ limit: null, expires_ts: null, user_type: null, shadow_banned: false })
    },
    PROGRAMS_MS,
  )
})

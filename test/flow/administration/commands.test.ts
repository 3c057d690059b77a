import { expect, it } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { run } from '../operation/cli-fixture.ts'

const command = (server: TestHomeserver, words: string, input = '') =>
  run([...words.split(' '), '--data', server.dataFolder], { input })

const json = async (server: TestHomeserver, words: string, input = ''): Promise<Json> => {
  const { code, stdout, stderr } = await command(server, `${words} --json`, input)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

onEveryHomeserver('commands over users, tokens and the audit log', (start) => {
  const shared = shareHomeserver(start)

  it('are groups; the user stands alone or behind a flag, and the flat names of before go on', async () => {
    const server = await shared()
    const alice = await server.register('grouped')
    const flat = await json(server, 'show-user --user grouped')
    expect(await json(server, 'users show grouped')).toEqual(flat)
    expect(await json(server, 'users show --user grouped')).toEqual(flat)
    expect(await json(server, `users show ${alice.userId}`)).toEqual(flat)
    expect(await command(server, 'users show')).toMatchObject({
      code: 78,
      stderr: 'homeroom: The user is missing: show --help\n',
    })
    const { stdout } = await command(server, 'users --help')
    for (const name of ['list', 'show', 'create', 'lock', 'make-admin', 'deactivate', 'reactivate'])
      expect(stdout).toMatch(new RegExp(`^ +${name} `, 'm'))
    expect((await run(['--help'])).stdout).not.toContain('list-users')
  })

  it('find users', async () => {
    const server = await shared()
    await server.register('findable')
    expect((await json(server, 'users create findable-admin --admin', 'a password\n')).admin).toBe(true)
    expect((await command(server, 'users list --search findable')).stdout).toBe(
      `@findable-admin:${server.serverName} admin\n@findable:${server.serverName}\n`,
    )
    expect((await json(server, 'users list --admins --search findable')).users).toMatchObject([
      { user_id: `@findable-admin:${server.serverName}`, admin: true, locked: false },
    ])
  })

  it('leave notes without secrets, which are listed newest first', async () => {
    const server = await shared()
    const { userId } = await server.register('noted')
    await command(server, 'users lock noted')
    await command(server, 'users unlock noted')
    await command(server, 'users set-password noted', 'a secret of theirs\n')
    await command(server, 'users deactivate noted')
    const { entries } = await json(server, `audit list --subject ${userId}`)
    expect(entries.map(({ action }: Json) => action)).toEqual([
      'user.deactivate',
      'user.set_password',
      'user.unlock',
      'user.lock',
    ])
    expect(entries[0]).toMatchObject({ by: 'operator', via: 'command', subject: userId, details: { erase: false } })
    expect(JSON.stringify(entries)).not.toContain('secret')
    const { token } = await json(server, 'tokens create --token A-token-to-be-kept --uses 1')
    await json(server, `tokens revoke ${token}`)
    const log = (await command(server, 'audit list --by operator --limit 2')).stdout
    expect(log).toMatch(/operator {2}command {2}registration_token\.delete {2}A-to…\n.*registration_token\.create/)
    expect(log).not.toContain('to-be-kept')
    const [second] = (await json(server, 'audit list --limit 2')).entries.slice(1)
    expect((await json(server, `audit list --limit 1 --before ${second.id + 1}`)).entries).toEqual([second])
    expect((await json(server, 'audit list --action user.lock --limit 500')).entries).toHaveLength(1)
    expect(await command(server, 'audit list --limit none')).toMatchObject({ code: 1 })
  })
})

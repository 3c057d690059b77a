import { expect, it } from 'vitest'
import type { Answer, Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { command } from '../../support/operator.ts'
import { each } from '../many-at-once/together.ts'
import { run } from './cli-fixture.ts'

const enc = encodeURIComponent
const saidOf = ({ status, body }: Answer) => [status, body.errcode]
const invites = async (client: TestClient): Promise<readonly string[]> =>
  Object.keys((await client.sync()).rooms?.invite ?? {})
const leave = (client: TestClient, roomId: string) =>
  client.request('POST', `/v3/rooms/${enc(roomId)}/leave`, { body: {} })
const setData = (client: TestClient, type: string, content: unknown) =>
  client.put(`/v3/user/${enc(client.userId)}/account_data/${type}`, content)

onEveryHomeserver('notices of the server', (start) => {
  const shared = shareHomeserver(start)

  it('invite to a room with the tag, which cannot be declined, but left; the next notice is in a new one', async () => {
    const server = await shared()
    const alice = await server.register('alice')
    const tell = (text: string) => command(server, 'send-notice', { user: alice.userId, text })
    expect(await tell('hello')).toMatchObject({ user_id: alice.userId, event_id: expect.any(String) })
    const [roomId, ...others] = await invites(alice)
    if (roomId === undefined) throw new Error('there is no invite')
    expect(others).toEqual([])
    expect(saidOf(await leave(alice, roomId))).toEqual([403, 'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM'])
    const member = `/v3/rooms/${enc(roomId)}/state/m.room.member/${enc(alice.userId)}`
    expect(saidOf(await alice.request('PUT', member, { body: { membership: 'leave' } }))).toEqual([
      403,
      'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM',
    ])
    expect(await alice.get(`/v3/user/${enc(alice.userId)}/rooms/${enc(roomId)}/tags`)).toEqual({
      tags: { 'm.server_notice': {} },
    })
    await alice.join(roomId)
    await tell('again')
    const { chunk } = await alice.messages(roomId, { dir: 'f', limit: 100, filter: '{"types":["m.room.message"]}' })
    expect(chunk.map(({ sender, content }: Json) => [sender, content.body])).toEqual([
      ['@server-notices:localhost', 'hello'],
      ['@server-notices:localhost', 'again'],
    ])
    expect(await alice.getState(roomId, 'm.room.name')).toEqual({ name: 'Server Notices' })
    const spoken = await alice.request('PUT', `/v3/rooms/${enc(roomId)}/send/m.room.message/1`, {
      body: { msgtype: 'm.text', body: 'x' },
    })
    expect(saidOf(spoken)).toEqual([403, 'M_FORBIDDEN'])
    expect((await leave(alice, roomId)).status).toBe(200)
    await tell('once more')
    const [next] = await invites(alice)
    expect(next).toEqual(expect.any(String))
    expect(next).not.toBe(roomId)
  })

  it('reach those who take no invites, and 32 at once share one room', async () => {
    const server = await shared()
    const alice = await server.register('quiet')
    await setData(alice, 'm.invite_permission_config', { default_action: 'block' })
    await setData(alice, 'm.ignored_user_list', { ignored_users: { '@server-notices:localhost': {} } })
    await Promise.all(each((n) => command(server, 'send-notice', { user: 'quiet', text: `${n}` })))
    const rooms = await invites(alice)
    expect(rooms).toHaveLength(1)
    const [roomId = ''] = rooms
    await setData(alice, 'm.ignored_user_list', {})
    await alice.join(roomId)
    const { chunk } = await alice.messages(roomId, { dir: 'f', limit: 100, filter: '{"types":["m.room.message"]}' })
    expect(chunk.map(({ content }: Json) => Number(content.body)).toSorted((a: number, b: number) => a - b)).toEqual(
      each((n) => n),
    )
  })

  it('go to everybody by one command, and to nobody who is not there; the name is the server\u2019s', async () => {
    const server = await start()
    try {
      const [alice, bob, gone] = [
        await server.register('alice'),
        await server.register('bob'),
        await server.register('gone'),
      ]
      await command(server, 'send-notice', { user: gone.userId, text: 'x' })
      const [room = ''] = await invites(gone)
      await command(server, 'deactivate-user', { user: gone.userId, erase: false })
      const say = (...flags: readonly string[]) => run(['send-notice', ...flags, '--data', server.dataFolder])
      expect(await say('--all', '--text', 'maintenance at noon')).toMatchObject({ code: 0, stdout: 'Told 2 users.\n' })
      expect(await say('--user', 'alice', '--text', 'and you')).toMatchObject({
        code: 0,
        stdout: `Told ${alice.userId}.\n`,
      })
      for (const client of [alice, bob]) expect(await invites(client)).toHaveLength(1)
      for (const flags of [
        ['--all'],
        ['--text', 'x'],
        ['--all', '--user', 'bob', '--text', 'x'],
        ['--user', 'nobody', '--text', 'x'],
        ['--user', 'gone', '--text', 'x'],
      ])
        expect((await say(...flags)).code, flags.join(' ')).not.toBe(0)
      expect(room).not.toBe('')
      const taken = await server.client().request('POST', '/v3/register', {
        body: { username: 'server-notices', password: 'x', auth: { type: 'm.login.dummy' } },
      })
      expect(saidOf(taken)).toEqual([400, 'M_EXCLUSIVE'])
    } finally {
      await server.stop()
    }
  })
})

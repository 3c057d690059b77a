import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { CheckProgram } from '../../support/other-servers/check-program.ts'
import { enc, outcome } from '../federation/memberships/two-servers.ts'

const ALL = ['message', 'invite', 'join', 'room', 'registration', 'login', 'media', 'profile']

onEveryHomeserver('a program of the operator', (start) => {
  it('is asked about each deed that is configured, with who and what', async () => {
    await using program = await CheckProgram.start()
    await using server = await start({ settings: program.settings(ALL) })
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const other = await alice.loginAgain()
    const roomId = await other.createRoom({ preset: 'public_chat', name: 'Lobby' })
    await alice.invite(roomId, bob.userId)
    await bob.join(roomId)
    await bob.sendText(roomId, 'hello')
    await bob.put(`/v3/profile/${enc(bob.userId)}/displayname`, { displayname: 'Bobby' })
    const seen: string[] = []
    program.verdict = ({ subject }: Json) => {
      if (subject.path !== undefined) seen.push(readFileSync(subject.path, 'utf8'))
      return { action: 'allow' }
    }
    const uploaded = await fetch(`${server.url}/_matrix/media/v3/upload?filename=a.txt`, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.accessToken}`, 'content-type': 'text/plain' },
      body: 'the bytes',
    })
    const { content_uri: uri } = (await uploaded.json()) as Json
    expect(seen).toEqual(['the bytes'])
    const by = (deed: string) =>
      program.asked.filter((question) => question.deed === deed).map(({ subject }) => subject)
    expect(program.asked[0]).toMatchObject({ version: 1, server_name: server.serverName, sent_at: expect.any(Number) })
    expect(by('registration')).toMatchObject([
      { user_id: alice.userId, email: null, ip: expect.any(String), way: 'registration' },
      { user_id: bob.userId },
    ])
    expect(by('login')).toMatchObject([{ user_id: alice.userId }])
    expect(by('room')).toMatchObject([{ user_id: alice.userId, name: 'Lobby', visibility: 'private', invite: [] }])
    expect(by('invite')).toEqual([{ user_id: alice.userId, target: bob.userId, room_id: roomId }])
    expect(by('join')).toEqual([{ user_id: bob.userId, room_id: roomId, membership: 'join' }])
    expect(by('message')).toMatchObject([{ user_id: bob.userId, type: 'm.room.message', content: { body: 'hello' } }])
    expect(by('profile')).toEqual([{ user_id: bob.userId, field: 'displayname', value: 'Bobby' }])
    expect(by('media')).toMatchObject([{ uri, content_type: 'text/plain', file_name: 'a.txt', size: 9 }])
    expect(program.wrongSignatures).toBe(0)
  })

  it('refuses with its own words, and what it refuses is not done', async () => {
    await using program = await CheckProgram.start()
    await using server = await start({ settings: program.settings(ALL) })
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    program.verdict = () => ({ action: 'deny', errcode: 'M_LIMIT_EXCEEDED', error: 'not today' })
    const send = (transaction: string) =>
      alice.request('PUT', `/v3/rooms/${enc(roomId)}/send/m.room.message/${transaction}`, { body: { body: 'x' } })
    const refused = await send('1')
    expect([refused.status, refused.body]).toEqual([429, { errcode: 'M_LIMIT_EXCEEDED', error: 'not today' }])
    expect((await outcome(bob.request('POST', `/v3/join/${enc(roomId)}`, { body: {} })))[1]).toBe('M_LIMIT_EXCEEDED')
    // Nothing that would concern the session, and nothing that is no error.
    for (const errcode of ['M_UNKNOWN_TOKEN', 'M_UNKNOWN', 'nonsense', undefined]) {
      program.verdict = () => ({ action: 'deny', errcode })
      expect(await outcome(bob.request('POST', '/v3/createRoom', { body: {} }))).toEqual([403, 'M_FORBIDDEN'])
    }
    const upload = await fetch(`${server.url}/_matrix/media/v3/upload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.accessToken}` },
      body: 'bad bytes',
    })
    expect(upload.status).toBe(403)
    expect(
      (
        await outcome(
          alice.request('PUT', `/v3/profile/${enc(alice.userId)}/displayname`, { body: { displayname: 'Bad' } }),
        )
      )[0],
    ).toBe(403)
    program.verdict = () => ({ action: 'allow' })
    expect((await send('1')).status).toBe(200)
    expect((await alice.get(`/v3/profile/${enc(alice.userId)}`)).displayname).toBe('alice')
  })

  it('may let a sender believe that a message was sent', async () => {
    await using program = await CheckProgram.start()
    await using server = await start({ settings: program.settings(['message']) })
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    program.verdict = () => ({ action: 'shadow' })
    const send = () =>
      bob.put(`/v3/rooms/${enc(roomId)}/send/m.room.message/once`, { msgtype: 'm.text', body: 'buy this' })
    const { event_id: eventId } = await send()
    expect(eventId).toMatch(/^\$[\w-]{43}$/)
    expect((await send()).event_id).toBe(eventId)
    const { chunk } = await alice.get(`/v3/rooms/${enc(roomId)}/messages`, { dir: 'b' })
    expect(JSON.stringify(chunk)).not.toContain('buy this')
  })

  it('that gives no answer lets everything through, or nothing, as is set', async () => {
    await using program = await CheckProgram.start()
    program.status = 500
    await using open = await start({ settings: program.settings(['room']) })
    expect(await (await open.register('alice')).createRoom()).toMatch(/^!/)
    await using closed = await start({ settings: program.settings(['room'], { hookFailure: 'deny' }) })
    const alice = await closed.register('alice')
    const refused = await alice.request('POST', '/v3/createRoom', { body: {} })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    program.status = 200
    program.verdict = () => 'not an object'
    expect((await alice.request('POST', '/v3/createRoom', { body: {} })).status).toBe(503)
    program.verdict = () => ({ action: 'perhaps' })
    expect((await alice.request('POST', '/v3/createRoom', { body: {} })).status).toBe(503)
    program.verdict = () => ({ action: 'allow' })
    expect((await alice.request('POST', '/v3/createRoom', { body: {} })).status).toBe(200)
    // A hook that is not configured is not asked.
    expect(new Set(program.asked.map(({ deed }) => deed))).toEqual(new Set(['room']))
  })
})

import { describe, expect, it } from 'vitest'
import { startFederation } from '../../support/federation-servers.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { enc, outcome, PAIRS } from '../federation/memberships/two-servers.ts'

const PATH = '/_homeroom/admin/v1/blocked_servers'

describe.each(PAIRS)('a blocked server, on %s', (_, database) => {
  it('is talked with no more in both directions, also after a restart, until an administrator lets go of it', async () => {
    await using federation = await startFederation({ database })
    const [first, second] = [federation.at(0), federation.at(1)]
    const admin = await registerAdmin(first, 'root')
    const [alice, bob] = [await first.register('alice'), await second.register('bob')]
    const [room, elsewhere] = [
      await alice.createRoom({ preset: 'public_chat' }),
      await bob.createRoom({ preset: 'public_chat' }),
    ]
    const comes = async () =>
      (await bob.request('POST', `/v3/join/${enc(room)}?via=${first.serverName}`, { body: {} })).status
    const goes = async () =>
      (await alice.request('POST', `/v3/join/${enc(elsewhere)}?via=${second.serverName}`, { body: {} })).status
    await admin.ok('PUT', `${PATH}/${enc(second.serverName.toUpperCase())}`, { body: { reason: 'spam' } })
    expect(await comes()).not.toBe(200)
    expect(await goes()).not.toBe(200)
    await first.restart()
    expect(await comes()).not.toBe(200)
    expect((await admin.get(PATH)).blocked_servers).toEqual([
      { server: second.serverName, reason: 'spam', added_by: admin.userId, added_ts: expect.any(Number) },
    ])
    await admin.ok('DELETE', `${PATH}/${enc(second.serverName)}`)
    await expect.poll(comes, { timeout: 20_000 }).toBe(200)
    await expect.poll(goes, { timeout: 20_000 }).toBe(200)
    const { entries } = await admin.get('/_homeroom/admin/v1/audit_log', { subject: second.serverName })
    expect(entries.map(({ action }: { action: string }) => action)).toEqual(['server.unblock', 'server.block'])
  })
})

onEveryHomeserver('the list of blocked servers', (start) => {
  it('takes names with stars, keeps the last reason, and refuses what names no server', async () => {
    await using server = await start({})
    const admin = await registerAdmin(server, 'root')
    const alice = await server.register('alice')
    const put = (name: string, body: object = {}) => outcome(admin.request('PUT', `${PATH}/${enc(name)}`, { body }))
    for (const reason of ['one', 'two']) expect((await put('*.evil.example:8?', { reason }))[0]).toBe(200)
    expect((await put('*'))[0]).toBe(200)
    // This server itself is never one of them.
    const room = await admin.createRoom({ preset: 'public_chat' })
    await alice.join(room)
    const shown = (await admin.get(PATH)).blocked_servers
    expect(shown.map(({ server: name, reason }: { server: string; reason: string | null }) => [name, reason])).toEqual([
      ['*', null],
      ['*.evil.example:8?', 'two'],
    ])
    for (const wrong of ['no server', 'a/b', 'é.example', `${'x'.repeat(250)}.example`])
      expect([wrong, (await put(wrong))[0]]).toEqual([wrong, 400])
    expect((await put('x.example', { reason: 'x'.repeat(501) }))[0]).toBe(400)
    expect((await put('x.example', { reason: 5 }))[0]).toBe(400)
    expect(await outcome(admin.request('DELETE', `${PATH}/unknown.example`))).toEqual([404, 'M_NOT_FOUND'])
    for (const [method, path] of [
      ['GET', PATH],
      ['PUT', `${PATH}/x.example`],
      ['DELETE', `${PATH}/*`],
    ] as const)
      expect(await outcome(alice.request(method, path, method === 'PUT' ? { body: {} } : {}))).toEqual([
        403,
        'M_FORBIDDEN',
      ])
    expect((await admin.get(PATH)).blocked_servers).toHaveLength(2)
  })
})

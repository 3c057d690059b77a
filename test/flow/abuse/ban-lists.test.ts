import { describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { startFederation } from '../../support/federation-servers.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { enc, joinBy, outcome, PAIRS } from '../federation/memberships/two-servers.ts'

const PATH = '/_homeroom/admin/v1/ban_lists'

const ban = (client: TestClient, list: string, kind: string, entity: string, type = `m.policy.rule.${kind}`) =>
  client.setState(list, type, `rule:${entity}`, { entity, recommendation: 'm.ban', reason: 'spam' })

const lift = (client: TestClient, list: string, kind: string, entity: string) =>
  client.setState(list, `m.policy.rule.${kind}`, `rule:${entity}`, {})

onEveryHomeserver('a ban list', (start) => {
  it('keeps users and rooms out at once, and lets them in again when a rule goes', async () => {
    await using server = await start({})
    const admin = await registerAdmin(server, 'root')
    const [alice, bad] = [await server.register('alice'), await server.register('bad')]
    const list = await admin.createRoom({ preset: 'public_chat' })
    const room = await alice.createRoom({ preset: 'public_chat', visibility: 'public' })
    const join = (client: TestClient) => outcome(client.request('POST', `/v3/join/${enc(room)}`, { body: {} }))
    const invite = (from: TestClient, to: TestClient, roomId: string) =>
      outcome(from.request('POST', `/v3/rooms/${enc(roomId)}/invite`, { body: { user_id: to.userId } }))
    const forbidden = [403, 'M_FORBIDDEN']
    await ban(admin, list, 'user', '@ba?:*')
    expect(await join(bad)).toEqual([200, undefined])
    const own = await bad.createRoom({ preset: 'public_chat' })
    await admin.ok('PUT', `${PATH}/${enc(list)}`, { body: {} })
    expect((await admin.get(PATH)).ban_lists).toEqual([{ room_id: list, added_by: admin.userId, rules: 1 }])
    await bad.leave(room)
    expect(await join(bad)).toEqual(forbidden)
    expect(await invite(bad, alice, own)).toEqual([403, 'M_INVITE_BLOCKED'])
    expect(await outcome(bad.request('POST', '/v3/createRoom', { body: {} }))).toEqual(forbidden)
    expect(await join(await server.register('good'))).toEqual([200, undefined])
    const available = await server.client().request('GET', '/v3/register/available', { query: { username: 'bat' } })
    expect([available.status, available.body.errcode]).toEqual(forbidden)
    await lift(admin, list, 'user', '@ba?:*')
    await expect.poll(() => join(bad)).toEqual([200, undefined])
    // Rooms, by a type from before the specification had one.
    const shown = async () =>
      (await alice.get('/v3/publicRooms')).chunk.map(({ room_id }: { room_id: string }) => room_id)
    expect(await shown()).toContain(room)
    await ban(admin, list, 'room', room, 'org.matrix.mjolnir.rule.room')
    const carol = await server.register('carol')
    await expect.poll(() => join(carol)).toEqual(forbidden)
    expect(await shown()).not.toContain(room)
    expect((await admin.get(`${PATH}/${enc(list)}/rules`)).rules).toEqual([
      { kind: 'room', entity: room, reason: 'spam' },
    ])
    // Also after a restart, and no more once nobody obeys the list.
    await server.restart()
    expect(await join(carol)).toEqual(forbidden)
    await admin.ok('DELETE', `${PATH}/${enc(list)}`)
    expect(await join(carol)).toEqual([200, undefined])
    expect(await outcome(admin.request('DELETE', `${PATH}/${enc(list)}`))).toEqual([404, 'M_NOT_FOUND'])
    expect(await outcome(alice.request('PUT', `${PATH}/${enc(list)}`, { body: {} }))).toEqual(forbidden)
    const { entries } = await admin.get('/_homeroom/admin/v1/audit_log', { subject: list })
    expect(entries.map(({ action }: { action: string }) => action)).toEqual([
      'ban_list.unsubscribe',
      'ban_list.subscribe',
    ])
  })

  it('that is broken, or bans this server itself, does no harm', async () => {
    await using server = await start({})
    const admin = await registerAdmin(server, 'root')
    const list = await admin.createRoom({ preset: 'public_chat' })
    const broken = [
      { entity: 5, recommendation: 'm.ban' },
      { entity: '@*', recommendation: 'm.warn' },
      { entity: 'x'.repeat(300), recommendation: 'm.ban' },
      { recommendation: 'm.ban' },
    ]
    for (const [index, content] of broken.entries())
      await admin.setState(list, 'm.policy.rule.user', `rule${index}`, content)
    await ban(admin, list, 'server', server.serverName)
    await ban(admin, list, 'server', '*')
    await admin.ok('PUT', `${PATH}/${enc(list)}`, { body: {} })
    expect((await admin.get(PATH)).ban_lists).toMatchObject([{ rules: 2 }])
    const alice = await server.register('alice')
    const room = await admin.createRoom({ preset: 'public_chat' })
    await alice.join(room)
    expect(await outcome(admin.request('PUT', `${PATH}/nonsense`, { body: {} }))).toEqual([400, 'M_INVALID_PARAM'])
    const unknown = await admin.request('PUT', `${PATH}/!unknown:localhost`, { body: {} })
    expect(unknown.status).toBeGreaterThanOrEqual(400)
  })
})

describe.each(PAIRS)('a banned server, on %s', (_, database) => {
  it('is refused, and its users with it, until the rule goes', async () => {
    await using federation = await startFederation({ database })
    const [first, second] = [federation.at(0), federation.at(1)]
    const admin = await registerAdmin(first, 'root')
    const [alice, bob] = [await first.register('alice'), await second.register('bob')]
    const list = await admin.createRoom({ preset: 'public_chat' })
    const room = await alice.createRoom({ preset: 'public_chat' })
    await admin.ok('PUT', `${PATH}/${enc(list)}`, { body: {} })
    await ban(admin, list, 'server', second.serverName)
    await expect
      .poll(
        async () =>
          (await outcome(bob.request('POST', `/v3/join/${enc(room)}?via=${first.serverName}`, { body: {} })))[0],
      )
      .not.toBe(200)
    const elsewhere = await bob.createRoom({ preset: 'public_chat' })
    const invited = await bob.request('POST', `/v3/rooms/${enc(elsewhere)}/invite`, { body: { user_id: alice.userId } })
    expect(invited.status).toBeGreaterThanOrEqual(400)
    await lift(admin, list, 'server', second.serverName)
    await expect
      .poll(
        async () =>
          (await outcome(bob.request('POST', `/v3/join/${enc(room)}?via=${first.serverName}`, { body: {} })))[0],
        { timeout: 20_000 },
      )
      .toBe(200)
  })

  it('refuses a banned user of another server alone', async () => {
    await using federation = await startFederation({ database })
    const [first, second] = [federation.at(0), federation.at(1)]
    const admin = await registerAdmin(first, 'root')
    const alice = await first.register('alice')
    const [bob, eve] = [await second.register('bob'), await second.register('eve')]
    const list = await admin.createRoom({ preset: 'public_chat' })
    const room = await alice.createRoom({ preset: 'public_chat' })
    await ban(admin, list, 'user', eve.userId)
    await admin.ok('PUT', `${PATH}/${enc(list)}`, { body: {} })
    const refused = await eve.request('POST', `/v3/join/${enc(room)}?via=${first.serverName}`, { body: {} })
    expect(refused.status).toBe(403)
    expect(await joinBy(bob, room, first.serverName)).toBe(room)
    const elsewhere = await eve.createRoom({ preset: 'public_chat' })
    const invited = await eve.request('POST', `/v3/rooms/${enc(elsewhere)}/invite`, { body: { user_id: alice.userId } })
    expect(invited.body.errcode).toBe('M_INVITE_BLOCKED')
  })

  it('list that is elsewhere is joined by the server itself', async () => {
    await using federation = await startFederation({ database })
    const [first, second] = [federation.at(0), federation.at(1)]
    const admin = await registerAdmin(first, 'root')
    const moderator = await second.register('moderator')
    const list = await moderator.createRoom({ preset: 'public_chat' })
    await ban(moderator, list, 'user', `@bad:${first.serverName}`)
    await admin.ok('PUT', `${PATH}/${enc(list)}`, { body: { via: [second.serverName] } })
    expect((await admin.get(PATH)).ban_lists).toMatchObject([{ room_id: list, rules: 1 }])
    const available = await first.client().request('GET', '/v3/register/available', { query: { username: 'bad' } })
    expect(available.status).toBe(403)
    await lift(moderator, list, 'user', `@bad:${first.serverName}`)
    await expect
      .poll(
        async () =>
          (await first.client().request('GET', '/v3/register/available', { query: { username: 'bad' } })).status,
        { timeout: 20_000 },
      )
      .toBe(200)
  })
})

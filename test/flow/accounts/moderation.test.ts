import { expect, it } from 'vitest'
import type { Answer, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { command, registerAdmin } from '../../support/operator.ts'
import { each } from '../many-at-once/together.ts'

const enc = encodeURIComponent
const of = (kind: 'lock' | 'suspend', user: string) => `/v1/admin/${kind}/${enc(user)}`
const saidOf = ({ status, body }: Answer) => [status, body.errcode ?? body]
const KINDS = [
  ['lock', 'locked'],
  ['suspend', 'suspended'],
] as const

onEveryHomeserver('locks and suspensions by administrators', (start) => {
  const shared = shareHomeserver(start)

  it.each(KINDS)('%s: is put, read and taken back, under both names', async (kind, word) => {
    const server = await shared()
    const admin = await registerAdmin(server, 'admin')
    const bob = await server.register('bob')
    const read = async () => (await admin.get(of(kind, bob.userId)))[word]
    expect(await read()).toBe(false)
    expect(await admin.put(of(kind, bob.userId), { [word]: true })).toEqual({ [word]: true })
    expect(await read()).toBe(true)
    expect(await admin.put(of(kind, bob.userId), { [word]: true })).toEqual({ [word]: true })
    expect(await admin.put(of(kind, bob.userId), { [word]: false })).toEqual({ [word]: false })
    expect(await read()).toBe(false)
    const unstable = `/unstable/uk.timedout.msc4323/admin/${kind}/${enc(bob.userId)}`
    await admin.put(unstable, { [word]: true })
    expect(await admin.get(unstable)).toEqual({ [word]: true })
    expect((await command(server, 'show-user', { user: bob.userId }))[`${word}_ts`]).toBeGreaterThan(0)
  })

  it.each(KINDS)(
    '%s: is refused to others, for oneself, administrators, strangers and the gone',
    async (kind, word) => {
      const server = await shared()
      const admin = await registerAdmin(server, 'judge')
      const other = await registerAdmin(server, 'other-judge')
      const bob = await server.register('bob')
      const gone = await server.register('gone')
      await command(server, 'deactivate-user', { user: gone.userId, erase: false })
      const ask = async (who: TestClient, user: string, body: unknown = { [word]: true }) => [
        saidOf(await who.request('GET', of(kind, user))),
        saidOf(await who.request('PUT', of(kind, user), { body })),
      ]
      const both = (status: number, errcode: string) => Array.from({ length: 2 }, () => [status, errcode])
      // A user who may not ask learns nothing of who is there.
      for (const user of [admin.userId, bob.userId, gone.userId, '@nobody:localhost', '@x:elsewhere.test', 'nonsense'])
        expect(await ask(bob, user), user).toEqual(both(403, 'M_FORBIDDEN'))
      expect(await ask(admin, admin.userId)).toEqual(both(403, 'M_FORBIDDEN'))
      expect(await ask(admin, other.userId)).toEqual(both(403, 'M_FORBIDDEN'))
      expect(await ask(admin, gone.userId)).toEqual(both(404, 'M_NOT_FOUND'))
      expect(await ask(admin, '@nobody:localhost')).toEqual(both(404, 'M_NOT_FOUND'))
      for (const user of ['@x:elsewhere.test', 'nonsense', `@${'x'.repeat(300)}:localhost`, '@a\0:localhost'])
        expect(await ask(admin, user), user).toEqual(both(400, 'M_INVALID_PARAM'))
      for (const body of [{}, { [word]: 'yes' }, { [word]: null }, []])
        expect((await admin.request('PUT', of(kind, bob.userId), { body })).status).toBe(400)
      expect(await admin.get(of(kind, bob.userId))).toEqual({ [word]: false })
      expect(saidOf(await server.client().request('GET', of(kind, bob.userId)))).toEqual([401, 'M_MISSING_TOKEN'])
    },
  )

  it('a lock wakes long polls, which are refused; everything is back when it ends', async () => {
    const server = await shared()
    const admin = await registerAdmin(server, 'waker')
    const bob = await server.register('sleeper')
    const roomId = await bob.createRoom()
    const { next_batch: since } = await bob.sync({ set_presence: 'offline' })
    const waiting = bob.request('GET', '/v3/sync', { query: { since, timeout: 30_000, set_presence: 'offline' } })
    await admin.put(of('lock', bob.userId), { locked: true })
    const locked = { status: 401, body: { errcode: 'M_USER_LOCKED', soft_logout: true } }
    expect(await waiting).toMatchObject(locked)
    expect(await bob.request('GET', '/v3/capabilities')).toMatchObject(locked)
    expect(await bob.request('GET', '/v3/login')).toMatchObject({ status: 200 })
    await admin.put(of('lock', bob.userId), { locked: false })
    expect(await bob.get('/v3/joined_rooms')).toEqual({ joined_rooms: [roomId] })
  })

  it('32 at once, half to suspend and half to end it, end as the last that was acknowledged says', async () => {
    const server = await shared()
    const admin = await registerAdmin(server, 'many')
    const bob = await server.register('fought-over')
    const answers = await Promise.all(
      each((n) => admin.request('PUT', of('suspend', bob.userId), { body: { suspended: n % 2 === 0 } })),
    )
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    const { suspended } = await admin.get(of('suspend', bob.userId))
    const said = await bob.request('PUT', `/v3/profile/${enc(bob.userId)}/displayname`, { body: { displayname: 'x' } })
    expect(said.status).toBe(suspended === true ? 403 : 200)
  })

  it('only administrators are told that they may', async () => {
    const server = await shared()
    const admin = await registerAdmin(server, 'told')
    const bob = await server.register('untold')
    const may = { suspend: true, lock: true }
    expect((await admin.get('/v3/capabilities')).capabilities).toMatchObject({
      'm.account_moderation': may,
      'uk.timedout.msc4323': may,
    })
    expect((await bob.get('/v3/capabilities')).capabilities).not.toHaveProperty('m.account_moderation')
    expect((await bob.get('/versions')).unstable_features['uk.timedout.msc4323']).toBe(true)
  })

  it('whois is for oneself and for administrators', async () => {
    const server = await shared()
    const admin = await registerAdmin(server, 'asker')
    const bob = await server.register('asked')
    const phone = await bob.loginAgain()
    const whois = (who: TestClient, user: string) => who.request('GET', `/v3/admin/whois/${enc(user)}`)
    const found = {
      user_id: bob.userId,
      devices: Object.fromEntries(
        [bob.deviceId, phone.deviceId].map((id) => [
          id,
          {
            sessions: [{ connections: [expect.objectContaining({ ip: '127.0.0.1', last_seen: expect.any(Number) })] }],
          },
        ]),
      ),
    }
    expect((await whois(bob, bob.userId)).body).toEqual(found)
    expect((await whois(admin, bob.userId)).body).toEqual(found)
    expect(saidOf(await whois(bob, admin.userId))).toEqual([403, 'M_FORBIDDEN'])
    expect(saidOf(await whois(bob, '@nobody:localhost'))).toEqual([403, 'M_FORBIDDEN'])
    expect(saidOf(await whois(admin, '@nobody:localhost'))).toEqual([404, 'M_NOT_FOUND'])
    expect(saidOf(await whois(admin, '@x:elsewhere.test'))).toEqual([400, 'M_INVALID_PARAM'])
  })
})

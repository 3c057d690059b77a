import { expect, it } from 'vitest'
import { type Answer, type Body, type Json, PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { linkIn, MailServer, mailSettings, openLink } from '../../support/other-servers/smtp.ts'
import { allDone, asking, atOnce, each, onlyOne, statuses, type Writes } from './together.ts'

let names = 0
/** A name that nobody has. */
const freshName = (): string => `name-${names++}`
const DUMMY = { type: 'm.login.dummy' }

const proof = ({ userId }: TestClient, password = PASSWORD) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: userId },
  password,
})
const isAlive = async (home: TestHomeserver, token: string): Promise<boolean> =>
  (await home.client().request('GET', '/v3/account/whoami', { token })).status === 200
const devicesOf = async (client: TestClient): Promise<readonly Json[]> => (await client.get('/v3/devices')).devices
const refreshable = async (home: TestHomeserver): Promise<TestClient> => {
  const client = home.client()
  await client.register(freshName(), { refresh_token: true })
  return client
}
const login = (home: TestHomeserver, { userId }: TestClient, extra: Body = {}): Promise<Answer> => {
  const body = {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: userId },
    password: PASSWORD,
    ...extra,
  }
  return home.client().request('POST', '/v3/login', { body })
}

const registrations: Writes = {
  'registration: one name 32 times is given once': async (home) => {
    const username = freshName()
    const body = { username, password: PASSWORD, auth: DUMMY }
    return {
      request: () => home.client().request('POST', '/v3/register', { body }),
      after: async (answers) => {
        const { body: account } = onlyOne(answers, 400, 'M_USER_IN_USE')
        expect(await isAlive(home, account.access_token)).toBe(true)
        expect(account.user_id).toBe(`@${username}:${home.serverName}`)
      },
    }
  },
  'registration: 32 names': async (home) => {
    const made = each(freshName)
    return {
      request: (n) =>
        home.client().request('POST', '/v3/register', { body: { username: made[n], password: PASSWORD, auth: DUMMY } }),
      after: async (answers) => {
        allDone(answers)
        for (const { body } of answers) expect(await isAlive(home, body.access_token)).toBe(true)
      },
    }
  },
  'registration: 32 guests': async (home) => ({
    request: () => home.client().request('POST', '/v3/register', { body: {}, query: { kind: 'guest' } }),
    after: (answers) => {
      allDone(answers)
      expect(new Set(answers.map(({ body }) => body.user_id)).size).toBe(32)
    },
  }),
}

const sessions: Writes = {
  'logins: 32 new devices': async (home) => {
    const alice = await home.register('alice')
    return {
      request: () => login(home, alice),
      after: async (answers) => {
        allDone(answers)
        for (const { body } of answers) expect(await isAlive(home, body.access_token)).toBe(true)
        expect(await devicesOf(alice)).toHaveLength(33)
      },
    }
  },
  'logins: one device 32 times has the tokens of one': async (home) => {
    const alice = await home.register('alice')
    return {
      request: () => login(home, alice, { device_id: 'PHONE' }),
      after: async (answers) => {
        allDone(answers)
        const alive = await Promise.all(answers.map(({ body }) => isAlive(home, body.access_token)))
        expect(alive.filter((one) => one)).toHaveLength(1)
        expect(await devicesOf(alice)).toHaveLength(2)
      },
    }
  },
  'logouts: 32 devices': async (home) => {
    const alice = await home.register('alice')
    const others: TestClient[] = []
    for (const _ of each((n) => n)) others.push(await alice.loginAgain())
    return {
      request: (n) => (others[n] as TestClient).request('POST', '/v3/logout', { body: {} }),
      after: async (answers) => {
        allDone(answers)
        expect((await devicesOf(alice)).map(({ device_id }) => device_id)).toEqual([alice.deviceId])
      },
    }
  },
  'logouts: one device 32 times': async (home) => {
    const alice = await home.register('alice')
    return {
      request: () => alice.request('POST', '/v3/logout', { body: {} }),
      after: async (answers) => {
        expect(statuses(answers).filter((status) => status !== 200 && status !== 401)).toEqual([])
        expect(statuses(answers)).toContain(200)
        expect(await isAlive(home, alice.accessToken ?? '')).toBe(false)
      },
    }
  },
  'logouts: of all devices, while logins go on': async (home) => {
    const alice = await home.register('alice')
    const logins: Promise<Answer>[] = []
    return {
      request: () => {
        logins.push(login(home, alice))
        return alice.request('POST', '/v3/logout/all', { body: {} })
      },
      after: async (answers) => {
        expect(statuses(answers).filter((status) => status !== 200 && status !== 401)).toEqual([])
        allDone(await Promise.all(logins))
        const alive = await Promise.all((await Promise.all(logins)).map(({ body }) => isAlive(home, body.access_token)))
        const [again] = [await alice.loginAgain()]
        expect(await devicesOf(again)).toHaveLength(alive.filter((one) => one).length + 1)
      },
    }
  },
  'refreshes: of 32 devices': async (home) => {
    const clients: TestClient[] = []
    for (const _ of each((n) => n)) clients.push(await refreshable(home))
    return {
      request: (n) =>
        home.client().request('POST', '/v3/refresh', { body: { refresh_token: clients[n]?.refreshToken } }),
      after: async (answers) => {
        allDone(answers)
        for (const { body } of answers) expect(await isAlive(home, body.access_token)).toBe(true)
      },
    }
  },
  'refreshes: of one token 32 times, none of which ends another session': async (home) => {
    const { refreshToken, accessToken = '' } = await refreshable(home)
    const refresh = (refresh_token: unknown): Promise<Answer> =>
      home.client().request('POST', '/v3/refresh', { body: { refresh_token } })
    return {
      request: () => refresh(refreshToken),
      after: async (answers) => {
        allDone(answers)
        // Each is used, after others were: by its access token, or by its refresh token at once.
        for (const [n, { body }] of answers.entries()) {
          const token = n % 2 === 0 ? body : (await refresh(body.refresh_token)).body
          expect(await isAlive(home, token.access_token)).toBe(true)
        }
        const replaced = await home.client().request('GET', '/v3/account/whoami', { token: accessToken })
        expect(replaced.body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN', soft_logout: true })
        expect((await refresh(refreshToken)).body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN', soft_logout: true })
      },
    }
  },
  'refreshes: while the device is logged out': async (home) => {
    const client = await refreshable(home)
    return {
      request: (n) =>
        n === 16
          ? client.request('POST', '/v3/logout', { body: {} })
          : home.client().request('POST', '/v3/refresh', { body: { refresh_token: client.refreshToken } }),
      after: async (answers) => {
        expect(answers[16]?.status).toBe(200)
        for (const { status, body } of answers) {
          expect([200, 401]).toContain(status)
          if (body.access_token !== undefined) expect(await isAlive(home, body.access_token)).toBe(false)
        }
      },
    }
  },
  'login tokens: one is used once': async (home) => {
    const alice = await home.register('alice')
    const { login_token } = await alice.post('/v1/login/get_token', { auth: proof(alice) })
    return {
      request: () =>
        home.client().request('POST', '/v3/login', { body: { type: 'm.login.token', token: login_token } }),
      after: (answers) => {
        expect(onlyOne(answers, 403, 'M_FORBIDDEN').body.user_id).toBe(alice.userId)
      },
    }
  },
}

const accounts: Writes = {
  'devices: 32 are renamed': async (home) => {
    const alice = await home.register('alice')
    const others: TestClient[] = []
    for (const _ of each((n) => n)) others.push(await alice.loginAgain())
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `/v3/devices/${others[n]?.deviceId}`,
        (n) => ({ body: { display_name: `d${n}` } }),
      ),
      after: async (answers) => {
        allDone(answers)
        const found = new Map((await devicesOf(alice)).map(({ device_id, display_name }) => [device_id, display_name]))
        expect(others.map(({ deviceId }) => found.get(deviceId))).toEqual(each((n) => `d${n}`))
      },
    }
  },
  'devices: 32 are removed': async (home) => {
    const alice = await home.register('alice')
    const others: TestClient[] = []
    for (const _ of each((n) => n)) others.push(await alice.loginAgain())
    return {
      request: asking(
        alice,
        'DELETE',
        (n) => `/v3/devices/${others[n]?.deviceId}`,
        () => ({ body: { auth: proof(alice) } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(await devicesOf(alice)).toHaveLength(1)
      },
    }
  },
  'password changes: 32 of one account': async (home) => {
    const alice = await home.register('alice')
    const password = (n: number): string => `a quite new password ${n}`
    return {
      request: asking(
        alice,
        'POST',
        () => '/v3/account/password',
        (n) => ({ body: { new_password: password(n), auth: proof(alice) } }),
      ),
      after: async (answers) => {
        // The first to be carried out makes the old password wrong for those that are not judged yet.
        expect(statuses(answers).filter((status) => status !== 200 && status !== 401)).toEqual([])
        const done = each((n) => n).filter((n) => answers[n]?.status === 200)
        const good = await Promise.all(each(async (n) => (await login(home, alice, { password: password(n) })).status))
        const opened = each((n) => n).filter((n) => good[n] === 200)
        expect(opened).toHaveLength(1)
        expect(done).toContain(opened[0])
      },
    }
  },
  'deactivations: 32 of one account': async (home) => {
    const alice = await home.register('alice')
    return {
      request: asking(
        alice,
        'POST',
        () => '/v3/account/deactivate',
        () => ({ body: { auth: proof(alice) } }),
      ),
      after: async (answers) => {
        expect(statuses(answers)).toContain(200)
        expect(statuses(answers).filter((status) => ![200, 401, 403].includes(status))).toEqual([])
        expect((await login(home, alice)).status).toBe(403)
      },
    }
  },
}

const SETTINGS = { registration: { guests: true } }
onEveryHomeserver('32 at once, none answered 500 and none lost', (start) =>
  atOnce(start, { ...registrations, ...sessions, ...accounts }, SETTINGS),
)

onEveryHomeserver('32 at once, with mails', (start) => {
  it('an address is added once, and asked for once', async () => {
    await using mails = await MailServer.start()
    await using home = await start({ settings: mailSettings(mails) })
    const alice = await home.register('alice')
    const wish = { client_secret: 'secret', email: 'alice@example.org', send_attempt: 1 }
    const asked = await Promise.all(
      each(() => alice.request('POST', '/v3/account/3pid/email/requestToken', { body: wish })),
    )
    allDone(asked)
    expect(new Set(asked.map(({ body }) => body.sid)).size).toBe(1)
    expect(mails.received).toHaveLength(1)
    await openLink(linkIn(mails.last, home))
    const creds = { client_secret: 'secret', sid: asked[0]?.body.sid, auth: proof(alice) }
    const added = await Promise.all(each(() => alice.request('POST', '/v3/account/3pid/add', { body: creds })))
    expect(statuses(added).filter((status) => status >= 500)).toEqual([])
    expect(statuses(added)).toContain(200)
    expect((await alice.get('/v3/account/3pid')).threepids).toHaveLength(1)
    const gone = { medium: 'email', address: 'alice@example.org' }
    allDone(await Promise.all(each(() => alice.request('POST', '/v3/account/3pid/delete', { body: gone }))))
    expect((await alice.get('/v3/account/3pid')).threepids).toEqual([])
  })
})

import { expect } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { allDone, asking, atOnce, each, enc, type Scene, type Writes } from './together.ts'

const RULES = '/v3/pushrules/global'
const ACTIONS = ['notify', { set_tweak: 'sound', value: 'bing' }]
const sorted = (texts: readonly string[]): readonly string[] => [...texts].sort()

const rules = async (client: TestClient, kind: string): Promise<readonly Json[]> =>
  (await client.get(`${RULES}/`))[kind].filter((rule: Json) => rule.default !== true)
const ruleIds = async (client: TestClient, kind: string): Promise<readonly string[]> =>
  (await rules(client, kind)).map(({ rule_id }) => rule_id)

/** A user with 32 rules of one kind: r0 to r31. */
const withRules = async (home: TestHomeserver, kind: string): Promise<TestClient> => {
  const alice = await home.register('alice')
  for (const number of each((one) => one))
    await alice.put(`${RULES}/${kind}/r${number}`, { actions: [], conditions: [], pattern: 'x' })
  return alice
}

const addedRules =
  (kind: string) =>
  async (home: TestHomeserver): Promise<Scene> => {
    const alice = await home.register('alice')
    const body = { actions: ACTIONS, conditions: [], pattern: 'x' }
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `${RULES}/${kind}/r${n}`,
        () => ({ body }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(sorted(await ruleIds(alice, kind))).toEqual(sorted(each((n) => `r${n}`)))
      },
    }
  }

const pushRules: Writes = {
  'push rules: 32 override rules are added': addedRules('override'),
  'push rules: 32 underride rules are added': addedRules('underride'),
  'push rules: 32 content rules are added': addedRules('content'),
  'push rules: 32 room rules are added': addedRules('room'),
  'push rules: 32 sender rules are added': addedRules('sender'),
  'push rules: one rule is given 32 patterns': async (home) => {
    const alice = await home.register('alice')
    return {
      request: asking(
        alice,
        'PUT',
        () => `${RULES}/content/one`,
        (n) => ({ body: { actions: [], pattern: `p${n}` } }),
      ),
      after: async (answers) => {
        allDone(answers)
        const stored = await rules(alice, 'content')
        expect(stored).toHaveLength(1)
        expect(each((n) => `p${n}`)).toContain(stored[0].pattern)
      },
    }
  },
  'push rules: 32 rules are placed before the same rule': async (home) => {
    const alice = await home.register('alice')
    for (const id of ['first', 'second']) await alice.put(`${RULES}/room/${id}`, { actions: [] })
    const [top = '', bottom = ''] = await ruleIds(alice, 'room')
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `${RULES}/room/r${n}`,
        () => ({ body: { actions: [] }, query: { before: bottom } }),
      ),
      after: async (answers) => {
        allDone(answers)
        const ids = await ruleIds(alice, 'room')
        expect([ids[0], ids.at(-1)]).toEqual([top, bottom])
        expect(sorted(ids.slice(1, -1))).toEqual(sorted(each((n) => `r${n}`)))
      },
    }
  },
  'push rules: 32 rules are turned off': async (home) => {
    const alice = await withRules(home, 'override')
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `${RULES}/override/r${n}/enabled`,
        () => ({ body: { enabled: false } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect((await rules(alice, 'override')).map(({ enabled }) => enabled)).toEqual(each(() => false))
      },
    }
  },
  'push rules: 32 rules get other actions': async (home) => {
    const alice = await withRules(home, 'sender')
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `${RULES}/sender/r${n}/actions`,
        () => ({ body: { actions: ACTIONS } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect((await rules(alice, 'sender')).map(({ actions }) => actions)).toEqual(each(() => ACTIONS))
      },
    }
  },
  'push rules: 32 rules are removed': async (home) => {
    const alice = await withRules(home, 'underride')
    return {
      request: asking(alice, 'DELETE', (n) => `${RULES}/underride/r${n}`),
      after: async (answers) => {
        allDone(answers)
        expect(await rules(alice, 'underride')).toEqual([])
      },
    }
  },
  'push rules: rules are added, turned off, changed and removed': async (home) => {
    const alice = await withRules(home, 'content')
    const change = [
      asking(
        alice,
        'PUT',
        (n) => `${RULES}/content/new${n}`,
        () => ({ body: { actions: [], pattern: 'new' } }),
      ),
      asking(
        alice,
        'PUT',
        (n) => `${RULES}/content/r${n}/enabled`,
        () => ({ body: { enabled: false } }),
      ),
      asking(
        alice,
        'PUT',
        (n) => `${RULES}/content/r${n}/actions`,
        () => ({ body: { actions: ACTIONS } }),
      ),
      asking(alice, 'DELETE', (n) => `${RULES}/content/r${n}`),
    ] as const
    return {
      request: (n) => (change[n % 4] as (typeof change)[0])(n),
      after: async (answers) => {
        allDone(answers)
        const stored = new Map((await rules(alice, 'content')).map((rule) => [rule.rule_id, rule]))
        for (const n of each((one) => one)) {
          if (n % 4 === 0) expect(stored.get(`new${n}`)).toMatchObject({ pattern: 'new' })
          if (n % 4 === 1) expect(stored.get(`r${n}`)).toMatchObject({ enabled: false })
          if (n % 4 === 2) expect(stored.get(`r${n}`)).toMatchObject({ actions: ACTIONS })
          if (n % 4 === 3) expect(stored.has(`r${n}`)).toBe(false)
        }
      },
    }
  },
  'push rules: the rules of 32 kinds of devices, as in 2015': async (home) => {
    const alice = await home.register('alice')
    const path = (n: number): string => `/_matrix/client/api/v1/pushrules/device/tag${n}/room/r${n}`
    return {
      request: asking(alice, 'PUT', path, () => ({ body: { actions: [] } })),
      after: async (answers) => {
        allDone(answers)
        for (const n of each((one) => one)) expect(await alice.get(path(n))).toMatchObject({ rule_id: `r${n}` })
      },
    }
  },
}

const tagsPath = (client: TestClient, roomId: string): string =>
  `/v3/user/${enc(client.userId)}/rooms/${enc(roomId)}/tags`

const accountData: Writes = {
  'tags: 32 tags of one room': async (home) => {
    const alice = await home.register('alice')
    const path = tagsPath(alice, await alice.createRoom())
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `${path}/u.t${n}`,
        (n) => ({ body: { order: n / 32 } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect((await alice.get(path)).tags).toEqual(Object.fromEntries(each((n) => [`u.t${n}`, { order: n / 32 }])))
      },
    }
  },
  'tags: one tag is ordered 32 times': async (home) => {
    const alice = await home.register('alice')
    const path = tagsPath(alice, await alice.createRoom())
    return {
      request: asking(
        alice,
        'PUT',
        () => `${path}/m.favourite`,
        (n) => ({ body: { order: n / 32 } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(each((n) => n / 32)).toContain((await alice.get(path)).tags['m.favourite'].order)
      },
    }
  },
  'tags: 16 tags are removed while 16 are added': async (home) => {
    const alice = await home.register('alice')
    const path = tagsPath(alice, await alice.createRoom())
    for (const n of each((one) => one)) if (n % 2 === 1) await alice.put(`${path}/u.t${n}`)
    return {
      request: (n) => alice.request(n % 2 === 1 ? 'DELETE' : 'PUT', `${path}/u.t${n}`, n % 2 === 1 ? {} : { body: {} }),
      after: async (answers) => {
        allDone(answers)
        expect(sorted(Object.keys((await alice.get(path)).tags))).toEqual(
          sorted(each((n) => `u.t${n}`).filter((_, n) => n % 2 === 0)),
        )
      },
    }
  },
  'tags: beside plain account data of the same type': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    const path = tagsPath(alice, roomId)
    const plain = `/v3/user/${enc(alice.userId)}/rooms/${enc(roomId)}/account_data/m.tag`
    return {
      request: (n) =>
        n === 16
          ? alice.request('PUT', plain, { body: { tags: { 'u.plain': {} } } })
          : alice.request('PUT', `${path}/u.t${n}`, { body: {} }),
      after: async (answers) => {
        allDone(answers)
        expect(Object.keys((await alice.get(path)).tags)).toContain('u.plain')
      },
    }
  },
  'account data: 32 types': async (home) => {
    const alice = await home.register('alice')
    const path = (n: number): string => `/v3/user/${enc(alice.userId)}/account_data/org.example.t${n}`
    return {
      request: asking(alice, 'PUT', path, (n) => ({ body: { n } })),
      after: async (answers) => {
        allDone(answers)
        for (const n of each((one) => one)) expect(await alice.get(path(n))).toEqual({ n })
      },
    }
  },
  'account data: one type 32 times, in a room too': async (home) => {
    const alice = await home.register('alice')
    const user = `/v3/user/${enc(alice.userId)}`
    const paths = [`${user}/account_data/a.b`, `${user}/rooms/${enc(await alice.createRoom())}/account_data/a.b`]
    return {
      request: asking(
        alice,
        'PUT',
        (n) => paths[n % 2] as string,
        (n) => ({ body: { n } }),
      ),
      after: async (answers) => {
        allDone(answers)
        for (const [rest, path] of paths.entries()) expect((await alice.get(path)).n % 2).toBe(rest)
      },
    }
  },
  'filters: 32 filters': async (home) => {
    const alice = await home.register('alice')
    const path = `/v3/user/${enc(alice.userId)}/filter`
    const filter = (n: number) => ({ room: { timeline: { limit: n + 1 } } })
    return {
      request: asking(
        alice,
        'POST',
        () => path,
        (n) => ({ body: filter(n) }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(new Set(answers.map(({ body }) => body.filter_id)).size).toBe(32)
        for (const [n, { body }] of answers.entries())
          expect(await alice.get(`${path}/${body.filter_id}`)).toEqual(filter(n))
      },
    }
  },
  'filters: one filter 32 times has one id': async (home) => {
    const alice = await home.register('alice')
    const path = `/v3/user/${enc(alice.userId)}/filter`
    return {
      request: asking(
        alice,
        'POST',
        () => path,
        () => ({ body: { room: {} } }),
      ),
      after: (answers) => {
        allDone(answers)
        expect(new Set(answers.map(({ body }) => body.filter_id)).size).toBe(1)
      },
    }
  },
}

onEveryHomeserver('32 at once, none answered 500 and none lost', (start) =>
  atOnce(start, { ...pushRules, ...accountData }),
)

import { expect } from 'vitest'
import type { Answer, Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { crossSigningKeys, withPassword } from '../encryption/cross-signing-fixture.ts'
import { deviceKeysOf, oneTimeKey, oneTimeKeys, queryOf, signed, upload } from '../encryption/fixture.ts'
import { allDone, asking, atOnce, each, enc, statuses, type Writes } from './together.ts'

const ALGORITHM = 'm.megolm_backup.v1.curve25519-aes-sha2'
const BACKUP = { algorithm: ALGORITHM, auth_data: { public_key: 'abc', signatures: {} } }
const ROOM = '!room:example.org'
const key = (first_message_index: number): Json => ({
  first_message_index,
  forwarded_count: 0,
  is_verified: false,
  session_data: { ciphertext: 'x', ephemeral: 'y', mac: 'z' },
})
const withBackup = async (home: TestHomeserver) => {
  const alice = await home.register('alice')
  const { version } = await alice.post('/v3/room_keys/version', BACKUP)
  return { alice, version: version as string }
}

const keys: Writes = {
  'keys: 32 uploads of one-time keys of one device': async (home) => {
    const alice = await home.register('alice')
    await upload(alice, { device_keys: deviceKeysOf(alice) })
    return {
      request: asking(
        alice,
        'POST',
        () => '/v3/keys/upload',
        (n) => ({ body: { one_time_keys: { [`signed_curve25519:k${n}`]: oneTimeKey(`k${n}`) } } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect((await upload(alice, {})).one_time_key_counts.signed_curve25519).toBe(32)
      },
    }
  },
  'keys: 32 devices upload theirs': async (home) => {
    const alice = await home.register('alice')
    const others: TestClient[] = []
    for (const _ of each((n) => n)) others.push(await alice.loginAgain())
    return {
      request: (n) => {
        const other = others[n] as TestClient
        return other.request('POST', '/v3/keys/upload', { body: { device_keys: deviceKeysOf(other) } })
      },
      after: async (answers) => {
        allDone(answers)
        const found = Object.keys((await queryOf(alice, alice.userId)).device_keys[alice.userId])
        expect(found.sort()).toEqual(others.map(({ deviceId }) => deviceId).sort())
      },
    }
  },
  'keys: 32 claims get 32 different keys': async (home) => {
    const [alice, bob] = [await home.register('alice'), await home.register('bob')]
    await upload(alice, { device_keys: deviceKeysOf(alice), one_time_keys: oneTimeKeys('k', 32) })
    const one_time_keys = { [alice.userId]: { [alice.deviceId]: 'signed_curve25519' } }
    return {
      request: asking(
        bob,
        'POST',
        () => '/v3/keys/claim',
        () => ({ body: { one_time_keys } }),
      ),
      after: (answers) => {
        allDone(answers)
        const claimed = answers.flatMap(({ body }) => Object.keys(body.one_time_keys[alice.userId][alice.deviceId]))
        expect(new Set(claimed).size).toBe(32)
      },
    }
  },
  'keys: cross-signing keys are uploaded 32 times, and are those of one upload': async (home) => {
    const alice = await home.register('alice')
    const bodies = each(() => crossSigningKeys(alice.userId).body)
    const unasked: Answer = { status: 401, headers: new Headers(), body: {} }
    return {
      request: (n) => withPassword(alice, unasked, bodies[n]),
      after: async (answers) => {
        expect(statuses(answers)).toContain(200)
        const { master_keys, self_signing_keys } = await queryOf(alice, alice.userId)
        const found = each((n) => n).filter(
          (n) => JSON.stringify(master_keys[alice.userId].keys) === JSON.stringify(bodies[n].master_key.keys),
        )
        expect(found).toHaveLength(1)
        expect(answers[found[0] ?? 0]?.status).toBe(200)
        expect(self_signing_keys[alice.userId].keys).toEqual(bodies[found[0] ?? 0].self_signing_key.keys)
      },
    }
  },
}

const signing: Writes = {
  'keys: 32 devices are signed by their user, each in a request of its own': async (home) => {
    const alice = await home.register('alice')
    const keysOfUser = crossSigningKeys(alice.userId)
    await alice.post('/v3/keys/device_signing/upload', keysOfUser.body)
    const devices: Json[] = []
    for (const _ of each((n) => n)) {
      const other = await alice.loginAgain()
      const device = deviceKeysOf(other)
      await upload(other, { device_keys: device })
      const { publicKey } = keysOfUser.selfSigning
      devices.push(signed(device, alice.userId, `ed25519:${publicKey}`, keysOfUser.selfSigning))
    }
    return {
      request: asking(
        alice,
        'POST',
        () => '/v3/keys/signatures/upload',
        (n) => ({ body: { [alice.userId]: { [devices[n].device_id]: devices[n] } } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(answers.map(({ body }) => body.failures)).toEqual(each(() => ({})))
        const stored = (await queryOf(alice, alice.userId)).device_keys[alice.userId]
        for (const { device_id } of devices)
          expect(Object.keys(stored[device_id].signatures[alice.userId])).toHaveLength(2)
      },
    }
  },
  'dehydrated devices: 32 in place of each other': async (home) => {
    const alice = await home.register('alice')
    const path = '/unstable/org.matrix.msc3814.v1/dehydrated_device'
    const body = (n: number): Json => {
      const device_id = `DRY${n}`
      const device_data = { algorithm: 'org.matrix.msc3814.v1.olm', device_pickle: 'sealed' }
      return {
        device_id,
        device_data,
        device_keys: deviceKeysOf(Object.assign(Object.create(alice), { deviceId: device_id })),
      }
    }
    return {
      request: asking(
        alice,
        'PUT',
        () => path,
        (n) => ({ body: body(n) }),
      ),
      after: async (answers) => {
        allDone(answers)
        const { device_id } = await alice.get(path)
        const devices = (await alice.get('/v3/devices')).devices.map((device: Json) => device.device_id)
        expect((devices as string[]).sort()).toEqual(([alice.deviceId, device_id] as string[]).sort())
      },
    }
  },
}

const backups: Writes = {
  'key backups: 32 versions': async (home) => {
    const alice = await home.register('alice')
    return {
      request: asking(
        alice,
        'POST',
        () => '/v3/room_keys/version',
        () => ({ body: BACKUP }),
      ),
      after: (answers) => {
        allDone(answers)
        expect(answers.map(({ body }) => Number(body.version)).sort((a, b) => a - b)).toEqual(each((n) => n + 1))
      },
    }
  },
  'key backups: 32 keys': async (home) => {
    const { alice, version } = await withBackup(home)
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `/v3/room_keys/keys/${enc(ROOM)}/s${n}`,
        (n) => ({ body: key(n), query: { version } }),
      ),
      after: async (answers) => {
        allDone(answers)
        const { rooms } = await alice.get('/v3/room_keys/keys', { version })
        expect(Object.keys(rooms[ROOM].sessions).sort()).toEqual([...each((n) => `s${n}`)].sort())
        expect((await alice.get('/v3/room_keys/version')).count).toBe(32)
      },
    }
  },
  'key backups: one key 32 times is the best of them': async (home) => {
    const { alice, version } = await withBackup(home)
    return {
      request: asking(
        alice,
        'PUT',
        () => `/v3/room_keys/keys/${enc(ROOM)}/s`,
        (n) => ({ body: key((n + 7) % 32), query: { version } }),
      ),
      after: async (answers) => {
        allDone(answers)
        const kept = await alice.get(`/v3/room_keys/keys/${enc(ROOM)}/s`, { version })
        expect(kept.first_message_index).toBe(0)
      },
    }
  },
}

const toDevice: Writes = {
  'to-device: 32 messages for one device, each once': async (home) => {
    const [alice, bob] = [await home.register('alice'), await home.register('bob')]
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `/v3/sendToDevice/m.test/t${n}`,
        (n) => ({ body: { messages: { [bob.userId]: { [bob.deviceId]: { n } } } } }),
      ),
      after: async (answers) => {
        allDone(answers)
        const { events } = (await bob.sync()).to_device
        expect(events.map(({ content }: Json) => content.n).sort((a: number, b: number) => a - b)).toEqual(
          each((n) => n),
        )
      },
    }
  },
  'to-device: one transaction 32 times is one message': async (home) => {
    const [alice, bob] = [await home.register('alice'), await home.register('bob')]
    return {
      request: asking(
        alice,
        'PUT',
        () => '/v3/sendToDevice/m.test/t',
        () => ({ body: { messages: { [bob.userId]: { [bob.deviceId]: { n: 1 } } } } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect((await bob.sync()).to_device.events).toHaveLength(1)
      },
    }
  },
}

onEveryHomeserver('32 at once, none answered 500 and none lost', (start) =>
  atOnce(start, { ...keys, ...signing, ...backups, ...toDevice }),
)

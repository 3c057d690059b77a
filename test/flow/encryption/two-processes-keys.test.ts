import { expect, it } from 'vitest'
import { onPostgres } from '../../contract/databases.ts'
import type { TestClient } from '../../support/client.ts'
import { TwoProcesses } from '../../support/two-processes.ts'
import { crossSigningKeys, uploadSigning } from './cross-signing-fixture.ts'
import { claim, deviceKeysOf, oneTimeKeys, queryOf, upload } from './fixture.ts'

const TIME_MS = 120_000

onPostgres('two processes of one homeserver', () => {
  it(
    'give out each one-time key once, and no key of what the other was asked',
    async () => {
      await using two = await TwoProcesses.start()
      const [alice, aliceThere] = await two.register('alice')
      const [bob, bobThere] = await two.register('bob')
      await upload(alice, { one_time_keys: oneTimeKeys('K', 60) })
      const claimers = Array.from({ length: 70 }, (_, index): TestClient => (index % 2 === 0 ? bob : bobThere))
      const claimed = await Promise.all(claimers.map((claimer) => claim(claimer, alice)))
      const ids = claimed.flatMap((one) => (one === undefined ? [] : [one[0]]))
      expect(ids).toHaveLength(60)
      expect(new Set(ids).size).toBe(60)
      expect(await upload(aliceThere, {})).toEqual({ one_time_key_counts: { signed_curve25519: 0 } })
    },
    TIME_MS,
  )

  it(
    'tell of keys that the other was sent, and take the first cross-signing keys from one of them',
    async () => {
      await using two = await TwoProcesses.start()
      const [alice, aliceThere] = await two.register('alice')
      const [bob, bobThere] = await two.register('bob')
      await bob.join(await alice.createRoom({ preset: 'public_chat' }))
      const { next_batch: since } = await bobThere.sync()
      const keys = deviceKeysOf(alice)
      await upload(alice, { device_keys: keys, one_time_keys: oneTimeKeys('K', 2) })
      // A token of the process that was told shows the other one that there is something to read.
      const { next_batch: to } = await bob.sync({ since })
      expect((await bobThere.get('/v3/keys/changes', { from: since, to })).changed).toEqual([alice.userId])
      expect((await queryOf(bobThere, alice.userId)).device_keys[alice.userId][alice.deviceId]).toMatchObject(keys)

      const bodies = Array.from({ length: 6 }, () => crossSigningKeys(alice.userId).body)
      const answers = await Promise.all(
        bodies.map((body, index) => uploadSigning(index % 2 === 0 ? alice : aliceThere, body)),
      )
      expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([
        200, 401, 401, 401, 401, 401,
      ])
      await two.terminate()
      expect(two.errors).toBe('')
    },
    TIME_MS,
  )
})

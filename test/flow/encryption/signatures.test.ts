import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import {
  type CrossSigningKeys,
  crossSigningKeys,
  uploadSignatures,
  uploadSigning,
  withPassword,
} from './cross-signing-fixture.ts'
import { deviceKeysOf, newPair, queryOf, type SigningPair, signed, upload } from './fixture.ts'

interface Person {
  readonly client: TestClient
  readonly device: SigningPair
  readonly deviceKeys: Json
  readonly keys: CrossSigningKeys
}

/** Without the signatures that are there: what a client signs and sends. */
const bare = (object: Json): Json =>
  Object.fromEntries(Object.entries(object).filter(([name]) => name !== 'signatures'))

onEveryHomeserver('POST /keys/signatures/upload', (start) => {
  const shared = shareHomeserver(start)
  const person = async (name: string): Promise<Person> => {
    const client = await (await shared()).register(name)
    const device = newPair()
    const deviceKeys = deviceKeysOf(client, device)
    await upload(client, { device_keys: deviceKeys })
    const keys = crossSigningKeys(client.userId)
    await uploadSigning(client, keys.body)
    return { client, device, deviceKeys, keys }
  }

  const deviceSigned = ({ client, deviceKeys, keys }: Person, by = keys.selfSigning): Json =>
    signed(bare(deviceKeys), client.userId, `ed25519:${keys.selfSigning.publicKey}`, by)
  const signDevice = (owner: Person, by?: SigningPair): Promise<Json> =>
    uploadSignatures(owner.client, { [owner.client.userId]: { [owner.client.deviceId]: deviceSigned(owner, by) } })
  const masterSigned = (signer: Person, owner: Person, by = signer.keys.userSigning): Json =>
    signed(owner.keys.body.master_key, signer.client.userId, `ed25519:${signer.keys.userSigning.publicKey}`, by)
  const signMaster = (signer: Person, owner: Person, by?: SigningPair): Promise<Json> =>
    uploadSignatures(signer.client, {
      [owner.client.userId]: { [owner.keys.master.publicKey]: masterSigned(signer, owner, by) },
    })
  const deviceSeenBy = async (asker: Person, { client: { userId, deviceId } }: Person): Promise<Json> =>
    (await queryOf(asker.client, userId)).device_keys[userId][deviceId]
  const masterSeenBy = async (asker: Person, { client: { userId } }: Person): Promise<Json> =>
    (await queryOf(asker.client, userId)).master_keys[userId]

  it('takes the signature of an own device by the self-signing key, and shows it to everybody beside the device’s own', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    expect(await signDevice(alice)).toEqual({})
    const { userId, deviceId } = alice.client
    for (const asker of [alice, bob]) {
      const { signatures } = await deviceSeenBy(asker, alice)
      expect(Object.keys(signatures)).toEqual([userId])
      expect(Object.keys(signatures[userId]).toSorted()).toEqual(
        [`ed25519:${deviceId}`, `ed25519:${alice.keys.selfSigning.publicKey}`].toSorted(),
      )
      expect(signatures[userId][`ed25519:${alice.keys.selfSigning.publicKey}`]).toBe(
        alice.keys.selfSigning.sign(alice.deviceKeys),
      )
    }
  })

  it('takes the signature of the own master key by a device, and shows it to everybody', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const { userId, deviceId } = alice.client
    const object = signed(alice.keys.body.master_key, userId, `ed25519:${deviceId}`, alice.device)
    const body = { [userId]: { [alice.keys.master.publicKey]: object } }
    expect(await uploadSignatures(alice.client, body)).toEqual({})
    for (const asker of [alice, bob]) expect(await masterSeenBy(asker, alice)).toEqual(object)
  })

  it('takes the signature of another’s master key by the user-signing key, and shows it to the signer alone', async () => {
    const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')]
    expect(await signMaster(bob, alice)).toEqual({})
    expect(await masterSeenBy(bob, alice)).toEqual(masterSigned(bob, alice))
    for (const asker of [alice, carol]) expect(await masterSeenBy(asker, alice)).toEqual(alice.keys.body.master_key)
  })

  const INVALID = 'M_INVALID_SIGNATURE'
  it('verifies every signature: M_INVALID_SIGNATURE for that key, while the others are taken', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const { userId, deviceId } = alice.client
    const failures = await uploadSignatures(alice.client, {
      [userId]: { [deviceId]: deviceSigned(alice, newPair()) },
      [bob.client.userId]: { [bob.keys.master.publicKey]: masterSigned(alice, bob) },
    })
    expect(failures).toEqual({ [userId]: { [deviceId]: { errcode: INVALID, error: expect.any(String) } } })
    expect((await deviceSeenBy(bob, alice)).signatures).toEqual(alice.deviceKeys.signatures)
    expect(await masterSeenBy(alice, bob)).toEqual(masterSigned(alice, bob))
  })

  it('refuses a signed object that is not the stored key: M_INVALID_SIGNATURE', async () => {
    const alice = await person('alice')
    const { userId, deviceId } = alice.client
    const other = { ...bare(alice.deviceKeys), algorithms: ['other'] }
    const object = signed(other, userId, `ed25519:${alice.keys.selfSigning.publicKey}`, alice.keys.selfSigning)
    const failures = await uploadSignatures(alice.client, { [userId]: { [deviceId]: object } })
    expect(failures[userId][deviceId].errcode).toBe(INVALID)
  })

  it('refuses signatures by keys that may not sign: a device by the master or user-signing key, another’s key by a device', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const { userId, deviceId } = alice.client
    for (const pair of [alice.keys.master, alice.keys.userSigning]) {
      const object = signed(bare(alice.deviceKeys), userId, `ed25519:${pair.publicKey}`, pair)
      const failures = await uploadSignatures(alice.client, { [userId]: { [deviceId]: object } })
      expect(failures[userId][deviceId].errcode).toBe(INVALID)
    }
    const byDevice = signed(bob.keys.body.master_key, userId, `ed25519:${deviceId}`, alice.device)
    const failures = await uploadSignatures(alice.client, {
      [bob.client.userId]: { [bob.keys.master.publicKey]: byDevice },
    })
    expect(failures[bob.client.userId][bob.keys.master.publicKey].errcode).toBe(INVALID)
    expect((await deviceSeenBy(bob, alice)).signatures).toEqual(alice.deviceKeys.signatures)
  })

  it('refuses what is no key that one may sign: unknown ones, and of others all but the master key: M_NOT_FOUND', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const [own, other] = [alice.client.userId, bob.client.userId]
    const { publicKey } = alice.keys.userSigning
    const otherDevice = signed(bare(bob.deviceKeys), own, `ed25519:${publicKey}`, alice.keys.userSigning)
    const failures = await uploadSignatures(alice.client, {
      [own]: { NONE: deviceSigned(alice), [alice.keys.selfSigning.publicKey]: alice.keys.body.self_signing_key },
      [other]: { [bob.client.deviceId]: otherDevice },
      '@nobody:localhost': { abc: otherDevice },
      '@x:elsewhere.example': { abc: otherDevice },
    })
    const errcodes = Object.values<Json>(failures).flatMap((keys) =>
      Object.values<Json>(keys).map((key) => key.errcode),
    )
    expect(errcodes).toEqual(Array.from({ length: 5 }, () => 'M_NOT_FOUND'))
    expect((await deviceSeenBy(alice, bob)).signatures).toEqual(bob.deviceKeys.signatures)
  })

  it('does not pass on signatures of others that came with a key: nobody verified them', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const forged = {
      ...alice.deviceKeys,
      signatures: { ...alice.deviceKeys.signatures, [bob.client.userId]: { 'ed25519:A': 'Zm9yZ2Vk' } },
    }
    await upload(alice.client, { device_keys: forged })
    expect((await deviceSeenBy(bob, alice)).signatures).toEqual(alice.deviceKeys.signatures)
  })

  it('tells of a signature on an own key those who share a room, of one on another’s key the signer alone, who then asks for that other’s keys, of a known one nobody', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    await bob.client.join(await alice.client.createRoom({ preset: 'public_chat' }))
    const listsAfter = async (act: () => Promise<unknown>): Promise<readonly Json[]> => {
      const tokens = [(await alice.client.sync()).next_batch, (await bob.client.sync()).next_batch]
      await act()
      const [own, other] = [await alice.client.sync({ since: tokens[0] }), await bob.client.sync({ since: tokens[1] })]
      return [own.device_lists.changed, other.device_lists.changed]
    }
    const { userId } = alice.client
    expect(await listsAfter(() => signDevice(alice))).toEqual([[userId], [userId]])
    expect(await listsAfter(() => signDevice(alice))).toEqual([[], []])
    expect(await listsAfter(() => signMaster(alice, bob))).toEqual([[bob.client.userId], []])
    expect(await listsAfter(() => signMaster(alice, bob))).toEqual([[], []])
    expect(await listsAfter(() => signMaster(alice, bob, newPair()))).toEqual([[], []])
  })

  it('forgets signatures on and by keys that are replaced', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    await signDevice(alice)
    await signMaster(bob, alice)
    const { body } = crossSigningKeys(alice.client.userId)
    await withPassword(alice.client, await uploadSigning(alice.client, body), body)
    expect((await deviceSeenBy(bob, alice)).signatures).toEqual(alice.deviceKeys.signatures)
    expect(await masterSeenBy(bob, alice)).toEqual(body.master_key)
  })

  it('forgets signatures on the keys of a device that uploads others, or is removed', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    await signDevice(alice)
    const fresh = deviceKeysOf(alice.client, alice.device)
    await upload(alice.client, { device_keys: fresh })
    expect((await deviceSeenBy(bob, alice)).signatures).toEqual(fresh.signatures)
  })

  it('refuses what is no map of users to keys to objects', async () => {
    const alice = await person('alice')
    const { userId } = alice.client
    for (const body of [{ [userId]: [] }, { [userId]: { A: 1 } }, { alice: {} }]) {
      expect((await alice.client.request('POST', '/v3/keys/signatures/upload', { body })).status).toBe(400)
    }
  })
})

import { expect, it } from 'vitest'
import type { DeviceId, UserId } from '#spec'
import { type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const USER = '@alice:test' as UserId

const client = (id: string, atMs: number, name = id) => ({
  clientId: id,
  metadata: { client_name: name },
  metadataHash: `hash of ${name}`,
  createdAtMs: atMs,
})

const pair = (name: string) => ({
  accessHash: `access ${name}`,
  accessExpiresAtMs: undefined,
  refreshHash: `refresh ${name}`,
  refreshExpiresAtMs: undefined,
})

const signIn = async (store: Store, deviceId: string, oauthClient?: string, atMs = 1) => {
  const session = {
    userId: USER,
    deviceId: deviceId as DeviceId,
    displayName: undefined,
    tokens: pair(deviceId),
    seen: { ip: '', userAgent: undefined, atMs },
    oauthClient,
  }
  const [started] = await store.commit([writers.devices.startSession(session)])
  return started
}

const withUser = async (open: () => Promise<Store>): Promise<Store> => {
  const store = await open()
  const account = { userId: USER, passwordHash: 'x', guest: false, admin: false, createdAtMs: 1 }
  await store.commit([writers.accounts.create(account)])
  return store
}

onEveryDatabase('OAuth clients', (open) => {
  it('are the same client if they register the same again', async () => {
    const store = await open()
    const [first] = await store.commit([writers.oauthClients.register(client('a', 10, 'Element'))])
    const [again] = await store.commit([writers.oauthClients.register(client('b', 20, 'Element'))])
    const [other] = await store.commit([writers.oauthClients.register(client('c', 20, 'Nheko'))])
    expect([first, again, other]).toEqual([
      { clientId: 'a', createdAtMs: 10 },
      { clientId: 'a', createdAtMs: 20 },
      { clientId: 'c', createdAtMs: 20 },
    ])
    expect(await store.oauthClients.oauthClient('a')).toEqual({
      clientId: 'a',
      metadata: { client_name: 'Element' },
      createdAtMs: 20,
    })
    expect(await store.oauthClients.oauthClient('b')).toBeUndefined()
  })

  it('go when nobody has used them for a while, and stay while somebody is signed in with them', async () => {
    const store = await withUser(open)
    for (const id of ['idle', 'used', 'back']) await store.commit([writers.oauthClients.register(client(id, 10))])
    await signIn(store, 'DEVICE', 'used', 20)
    // Registered again lately, under the id that was made for it first.
    await store.commit([writers.oauthClients.register(client('other', 90, 'back'))])
    const drop = async (usedBeforeMs: number, nowMs: number, registeredBeforeMs = usedBeforeMs) => {
      const unused = { usedBeforeMs, registeredBeforeMs, nowMs, limit: 10 }
      return (await store.commit([writers.oauthClients.dropUnused(unused)] as const))[0]
    }
    // With this one people signed in, so it has the longer time.
    expect(await drop(15, 100, 50)).toBe(1)
    expect(await drop(50, 100)).toBe(1)
    const left = async () => {
      const found = ['idle', 'used', 'back'].map((id) => store.oauthClients.oauthClient(id))
      return (await Promise.all(found)).map((record) => record?.clientId)
    }
    expect(await left()).toEqual([undefined, 'used', 'back'])
    // A client that has a session is not looked at again until the time is over once more.
    expect(await drop(50, 100)).toBe(0)
    expect(await drop(101, 200)).toBe(2)
    expect(await left()).toEqual([undefined, 'used', undefined])
    await store.commit([writers.devices.remove(USER, ['DEVICE' as DeviceId])])
    expect(await drop(201, 300)).toBe(1)
    expect(await left()).toEqual([undefined, undefined, undefined])
  })

  it('are known with the sessions that they began, until the device logs in otherwise', async () => {
    const store = await withUser(open)
    await expect(signIn(store, 'DEVICE', 'client')).rejects.toMatchObject({ kind: 'oauth-client-gone' })
    await store.commit([writers.oauthClients.register(client('client', 10))])
    await signIn(store, 'DEVICE', 'client')
    expect((await store.devices.devicesOf(USER))[0]?.oauthClient).toBe('client')
    expect((await store.tokens.byAccessHash('access DEVICE'))?.oauthClient).toBe('client')
    await signIn(store, 'DEVICE')
    expect((await store.devices.devicesOf(USER))[0]?.oauthClient).toBeUndefined()
    expect((await store.tokens.byRefreshHash('refresh DEVICE'))?.oauthClient).toBeUndefined()
  })

  it('have their sessions voided with the device left, and nobody else has', async () => {
    const store = await withUser(open)
    for (const id of ['client', 'other client']) await store.commit([writers.oauthClients.register(client(id, 10))])
    const mine = await signIn(store, 'MINE', 'client')
    const others = await signIn(store, 'OTHERS', 'other client')
    const legacy = await signIn(store, 'LEGACY')
    const voided = (token: number) => store.commit([writers.tokens.voidSession(token, 'client')])
    for (const { token } of [mine, others, legacy]) await voided(token)
    const states = ['MINE', 'OTHERS', 'LEGACY'].map((name) => store.tokens.byAccessHash(`access ${name}`))
    expect((await Promise.all(states)).map((record) => record?.replaced)).toEqual([true, false, false])
    expect((await store.devices.devicesOf(USER)).length).toBe(3)
    // A token of an earlier session of the device says nothing of its next one.
    await signIn(store, 'MINE', 'client')
    await voided(mine.token)
    expect((await store.tokens.byAccessHash('access MINE'))?.replaced).toBe(false)
  })
})

import { expect, it } from 'vitest'
import { type Json, PASSWORD, type Query, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const STATUS = 'org.matrix.msc4426.status'
const CALL = 'org.matrix.msc4426.call'
const asking = (...ids: readonly string[]): string =>
  JSON.stringify({ presence: { types: [] }, 'org.matrix.msc4429.profile_fields': { ids } })

/** The name of an account of which nobody said how it is called. */
const nameOf = ({ userId }: TestClient): string => userId.slice(1, userId.indexOf(':'))
const usersIn = (answer: Json): Json => answer['org.matrix.msc4429.users']

/** One client that syncs on and on. */
class Syncing {
  readonly client: TestClient
  filter: string
  since: string | undefined

  constructor(client: TestClient, filter = asking(STATUS)) {
    this.client = client
    this.filter = filter
  }

  async next(query: Query = {}): Promise<Json> {
    const { filter, since } = this
    const answer = await this.client.sync({ filter, ...(since === undefined ? {} : { since }), ...query })
    this.since = answer.next_batch
    return usersIn(answer)
  }
}

onEveryHomeserver('changes of profiles in /sync', (start) => {
  const shared = shareHomeserver(start)
  const three = async (server?: TestHomeserver): Promise<[TestClient, TestClient, string]> => {
    const homeserver = server ?? (await shared())
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    return [alice, bob, roomId]
  }
  const changed = (client: TestClient, updates: Json): Json => ({ [client.userId]: { profile_updates: updates } })

  it('come all at first, then as they change, the latest of each field, and null for one that is no more', async () => {
    const [alice, bob] = await three()
    await bob.setProfileField(STATUS, { text: 'busy', emoji: '🛑' })
    await alice.setProfileField(STATUS, { text: 'own' })
    const syncing = new Syncing(alice)
    expect(await syncing.next()).toEqual({
      ...changed(bob, { [STATUS]: { text: 'busy', emoji: '🛑' } }),
      ...changed(alice, { [STATUS]: { text: 'own' } }),
    })
    expect(await syncing.next()).toBeUndefined()
    await bob.setProfileField(STATUS, 'first')
    await bob.setProfileField(STATUS, 'second')
    await bob.setProfileField(CALL, 'of no concern')
    expect(await syncing.next()).toEqual(changed(bob, { [STATUS]: 'second' }))
    await bob.setProfileField(STATUS, 'second')
    expect(await syncing.next(), 'nothing changed').toBeUndefined()
    await bob.removeProfileField(STATUS)
    await bob.removeProfileField(STATUS)
    expect(await syncing.next()).toEqual(changed(bob, { [STATUS]: null }))
    await bob.setProfileField(STATUS, null)
    expect(await syncing.next(), 'a field that is null is there').toEqual(changed(bob, { [STATUS]: null }))
  })

  it('wake a client that waits for them, and none that does not ask', async () => {
    const [alice, bob] = await three()
    const syncing = new Syncing(alice)
    await syncing.next()
    const waiting = syncing.next({ timeout: 60_000 })
    const { next_batch: since } = await alice.sync()
    const other = alice.sync({ since, timeout: 60_000 })
    await bob.setProfileField(STATUS, 'awake')
    expect(await waiting).toEqual(changed(bob, { [STATUS]: 'awake' }))
    await bob.typing((await alice.get('/v3/joined_rooms')).joined_rooms[0], 30_000)
    const answer = await other
    expect([Object.keys(answer).includes('org.matrix.msc4429.users'), Object.keys(answer.rooms.join).length]).toEqual([
      false,
      1,
    ])
  })

  it('come from people who come, and end with null for those with whom the last room is shared no more', async () => {
    const [alice, bob, roomId] = await three()
    const carol = await (await shared()).register('carol')
    await carol.setProfileField(STATUS, 'coming')
    const [ofAlice, ofCarol] = [new Syncing(alice), new Syncing(carol)]
    await ofAlice.next()
    expect(await ofCarol.next()).toEqual(changed(carol, { [STATUS]: 'coming' }))
    await bob.setProfileField(STATUS, 'before')
    expect(await ofCarol.next(), 'no room is shared').toBeUndefined()
    await carol.join(roomId)
    expect(await ofCarol.next()).toEqual(changed(bob, { [STATUS]: 'before' }))
    expect(await ofAlice.next()).toEqual({
      ...changed(bob, { [STATUS]: 'before' }),
      ...changed(carol, { [STATUS]: 'coming' }),
    })
    await carol.leave(roomId)
    await bob.setProfileField(STATUS, 'after')
    expect(await ofCarol.next()).toEqual({
      [alice.userId]: { profile_updates: null },
      [bob.userId]: { profile_updates: null },
    })
    await bob.setProfileField(STATUS, 'later')
    expect(await ofCarol.next()).toBeUndefined()
    expect(await ofAlice.next()).toEqual({
      ...changed(bob, { [STATUS]: 'later' }),
      [carol.userId]: { profile_updates: null },
    })
  })

  it('of ignored users are not told, nor are they kept; who is ignored no more comes back', async () => {
    const [alice, bob] = await three()
    await bob.setProfileField(STATUS, 'here')
    const syncing = new Syncing(alice)
    await syncing.next()
    const ignore = (ids: readonly string[]): Promise<Json> =>
      alice.put(`/v3/user/${enc(alice.userId)}/account_data/m.ignored_user_list`, {
        ignored_users: Object.fromEntries(ids.map((id) => [id, {}])),
      })
    await ignore([bob.userId])
    expect(await syncing.next()).toEqual({ [bob.userId]: { profile_updates: null } })
    await bob.setProfileField(STATUS, 'unheard')
    expect(await syncing.next()).toBeUndefined()
    expect(await new Syncing(alice).next()).toBeUndefined()
    await ignore([])
    expect(await syncing.next()).toEqual(changed(bob, { [STATUS]: 'unheard' }))
  })

  it('are of the fields that the filter names: other ones begin anew, no ones are no member', async () => {
    const [alice, bob] = await three()
    await bob.setProfileField(STATUS, 'here')
    await bob.setProfileField(CALL, { call_joined_ts: 1 })
    const syncing = new Syncing(alice, asking())
    expect(await syncing.next()).toBeUndefined()
    syncing.filter = '{}'
    expect(await syncing.next()).toBeUndefined()
    syncing.filter = asking(STATUS, STATUS, 'with\u0000nothing')
    expect(await syncing.next()).toEqual(changed(bob, { [STATUS]: 'here' }))
    await bob.removeProfileField(CALL)
    syncing.filter = asking(CALL, 'displayname')
    expect(await syncing.next()).toEqual({
      ...changed(bob, { displayname: nameOf(bob), [CALL]: null }),
      ...changed(alice, { displayname: nameOf(alice) }),
    })
    syncing.filter = asking('displayname', CALL)
    expect(await syncing.next(), 'the same in another order').toBeUndefined()
    const { filter_id } = await alice.post(`/v3/user/${enc(alice.userId)}/filter`, JSON.parse(asking(STATUS)))
    syncing.filter = filter_id
    expect(await syncing.next()).toEqual(changed(bob, { [STATUS]: 'here' }))
    await alice.put(`/v3/user/${enc(alice.userId)}/account_data/org.example`, {})
    expect(usersIn(await alice.sync({ filter: filter_id, since: syncing.since ?? '', full_state: true }))).toEqual(
      changed(bob, { [STATUS]: 'here' }),
    )
    for (const wrong of [
      [],
      'a',
      { ids: 'a' },
      { ids: [1] },
      { ids: Array(1_001).fill('a') },
      { ids: ['a'.repeat(256)] },
    ]) {
      const filter = JSON.stringify({ 'org.matrix.msc4429.profile_fields': wrong })
      const { status, body } = await alice.request('GET', '/v3/sync', { query: { filter } })
      expect([status, body.errcode], filter.slice(0, 80)).toEqual([400, 'M_BAD_JSON'])
    }
  })

  it('of an account that ends are that it has none, however many fields were removed', async () => {
    const [alice, bob] = await three()
    await bob.setProfileField(STATUS, 'here')
    const syncing = new Syncing(alice, asking(STATUS, 'org.example.field7'))
    await bob.setProfileField('org.example.field7', 7)
    await syncing.next()
    for (let field = 0; field < 120; field++) {
      await bob.setProfileField(`org.example.field${field}`, field)
      await bob.removeProfileField(`org.example.field${field}`)
    }
    expect(await syncing.next()).toEqual(changed(bob, { [STATUS]: 'here', 'org.example.field7': null }))
    await bob.post('/v3/account/deactivate', {
      auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: bob.userId }, password: PASSWORD },
      erase: true,
    })
    const gone: Json[] = []
    // The rooms are left behind the answer.
    while (gone.at(-1)?.[bob.userId]?.profile_updates !== null)
      gone.push((await syncing.next({ timeout: 10_000 })) ?? {})
    for (const told of gone.slice(0, -1))
      expect(told).toEqual(
        told[bob.userId] === undefined ? {} : changed(bob, { [STATUS]: null, 'org.example.field7': null }),
      )
  })
})

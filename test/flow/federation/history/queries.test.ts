import { describe, expect, it } from 'vitest'
import { enc, HOME, publicRoom, startAsking } from './asking.ts'

describe('queries of other servers', () => {
  it('tells the room of an alias and the servers in it, and nothing of aliases that it does not know', async () => {
    await using asking = await startAsking()
    const alice = await asking.home.register('alice')
    const roomId = await publicRoom(alice, { room_alias_name: 'here' })
    const known = await asking.ask(`/query/directory?room_alias=${enc(`#here:${HOME}`)}`)
    expect(known).toMatchObject({ status: 200, body: { room_id: roomId, servers: [HOME] } })
    const unknown = await asking.ask(`/query/directory?room_alias=${enc(`#there:${HOME}`)}`)
    expect(unknown).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    const foreign = await asking.ask(`/query/directory?room_alias=${enc('#here:peer.example')}`)
    expect(foreign).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect((await asking.ask('/query/directory')).status).toBe(400)
  })

  it('tells a profile, leaves out what is not set, and one field alone where one is asked for', async () => {
    await using asking = await startAsking()
    const alice = await asking.home.register('alice')
    await alice.put(`/v3/profile/${alice.userId}/displayname`, { displayname: 'Alice' })
    await alice.put(`/v3/profile/${alice.userId}/m.tz`, { 'm.tz': 'Europe/Paris' })
    await alice.put(`/v3/profile/${alice.userId}/org.example.colour`, { 'org.example.colour': ['blue'] })
    const profile = `/query/profile?user_id=${enc(alice.userId)}`
    expect((await asking.ask(profile)).body).toEqual({
      displayname: 'Alice',
      'm.tz': 'Europe/Paris',
      'org.example.colour': ['blue'],
    })
    expect((await asking.ask(`${profile}&field=displayname`)).body).toEqual({ displayname: 'Alice' })
    expect((await asking.ask(`${profile}&field=avatar_url`)).body).toEqual({})
    expect((await asking.ask(`${profile}&field=toString`)).body).toEqual({})
    const nobody = await asking.ask(`/query/profile?user_id=${enc(`@nobody:${HOME}`)}`)
    expect(nobody).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect((await asking.ask(`/query/profile?user_id=${enc('@a:peer.example')}`)).status).toBe(404)
  })

  it('refuses to tell of profiles where the operator wants that, whether the user exists or not', async () => {
    await using asking = await startAsking({ settings: { federation: { showProfiles: false } } })
    const alice = await asking.home.register('alice')
    for (const userId of [alice.userId, `@nobody:${HOME}`])
      expect(await asking.ask(`/query/profile?user_id=${enc(userId)}`)).toMatchObject({
        status: 403,
        body: { errcode: 'M_FORBIDDEN' },
      })
  })

  it('knows no other types of queries', async () => {
    await using asking = await startAsking()
    expect(await asking.ask('/query/weather')).toMatchObject({ status: 404, body: { errcode: 'M_UNRECOGNIZED' } })
  })

  it('answers nobody who has not signed the request', async () => {
    await using asking = await startAsking()
    const alice = await asking.home.register('alice')
    const uri = `/_matrix/federation/v1/query/profile?user_id=${enc(alice.userId)}`
    const answer = await asking.peer.request(HOME, { uri, authorization: null })
    expect(answer).toMatchObject({ status: 401, body: { errcode: 'M_UNAUTHORIZED' } })
  })
})

describe('the directory of rooms, for other servers', () => {
  it('lists published rooms, finds them by words and type, and goes on where a page ended', async () => {
    await using asking = await startAsking()
    const alice = await asking.home.register('alice')
    await publicRoom(alice, { visibility: 'public', name: 'Gardening' })
    await publicRoom(alice, {
      visibility: 'public',
      name: 'Cooking',
      creation_content: { type: 'm.space' },
    })
    await publicRoom(alice, { name: 'Not listed' })
    const namesIn = (body: { chunk: { name: string }[] }): string[] => body.chunk.map(({ name }) => name).sort()
    expect(namesIn((await asking.ask('/publicRooms')).body)).toEqual(['Cooking', 'Gardening'])
    const first = (await asking.ask('/publicRooms?limit=1')).body
    const second = (await asking.ask(`/publicRooms?limit=1&since=${enc(first.next_batch)}`)).body
    expect([...namesIn(first), ...namesIn(second)].sort()).toEqual(['Cooking', 'Gardening'])
    const search = async (body: object) =>
      namesIn(
        await asking.peer.ok(HOME, { method: 'POST', uri: '/_matrix/federation/v1/publicRooms', body: { ...body } }),
      )
    expect(await search({ filter: { generic_search_term: 'garden' } })).toEqual(['Gardening'])
    expect(await search({ filter: { room_types: ['m.space'] } })).toEqual(['Cooking'])
    expect(await search({ filter: { room_types: [null] } })).toEqual(['Gardening'])
    expect(await search({ third_party_instance_id: 'irc' })).toEqual([])
    expect((await asking.ask('/publicRooms?since=x')).status).toBe(400)
  })
})

describe('the hierarchy of a space, for other servers', () => {
  it('shows the rooms right below it that the server may know, and names the others that are here', async () => {
    await using asking = await startAsking()
    const alice = await asking.home.register('alice')
    const space = await publicRoom(alice, { creation_content: { type: 'm.space' }, name: 'Space' })
    const open = await publicRoom(alice, { name: 'Open' })
    const closed = await alice.post('/v3/createRoom', { preset: 'private_chat' }).then(({ room_id }) => room_id)
    const suggested = await publicRoom(alice, { name: 'Suggested' })
    const elsewhere = '!elsewhere:peer.example'
    for (const child of [open, closed, elsewhere])
      await alice.put(`/v3/rooms/${space}/state/m.space.child/${enc(child)}`, { via: [HOME] })
    await alice.put(`/v3/rooms/${space}/state/m.space.child/${enc(suggested)}`, { via: [HOME], suggested: true })
    const { body } = await asking.ask(`/hierarchy/${enc(space)}`)
    expect(body.room).toMatchObject({ room_id: space, room_type: 'm.space', name: 'Space' })
    expect(new Set(body.room.children_state.map(({ state_key }: { state_key: string }) => state_key))).toEqual(
      new Set([open, closed, suggested, elsewhere]),
    )
    expect(new Set(body.children.map(({ room_id }: { room_id: string }) => room_id))).toEqual(
      new Set([open, suggested]),
    )
    expect(body.inaccessible_children).toEqual([closed])
    const few = (await asking.ask(`/hierarchy/${enc(space)}?suggested_only=true`)).body
    expect(few.children.map(({ room_id }: { room_id: string }) => room_id)).toEqual([suggested])
    expect(await asking.ask(`/hierarchy/${enc(closed)}`)).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    })
    expect((await asking.ask(`/hierarchy/${enc('!nowhere:first.example')}`)).status).toBe(404)
  })
})

describe('rooms in which the asking server is not', () => {
  it('are closed to all questions about their events', async () => {
    await using asking = await startAsking()
    const alice = await asking.home.register('alice')
    const roomId = await publicRoom(alice, {
      initial_state: [
        { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'world_readable' } },
      ],
    })
    const { event_id: eventId } = await alice.put(`/v3/rooms/${roomId}/send/m.room.message/1`, { body: 'secret' })
    const [room, event] = [enc(roomId), enc(eventId)]
    for (const path of [
      `/event/${event}`,
      `/state/${room}?event_id=${event}`,
      `/state_ids/${room}?event_id=${event}`,
      `/event_auth/${room}/${event}`,
      `/backfill/${room}?v=${event}&limit=10`,
      `/timestamp_to_event/${room}?ts=1&dir=f`,
    ])
      expect(await asking.ask(path)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    const gap = { earliest_events: [], latest_events: [eventId], limit: 10 }
    const uri = `/_matrix/federation/v1/get_missing_events/${room}`
    expect(await asking.peer.request(HOME, { method: 'POST', uri, body: gap })).toMatchObject({ status: 403 })
    expect(await asking.ask(`/backfill/${enc('!nowhere:first.example')}?v=${event}&limit=10`)).toMatchObject({
      status: 403,
    })
    expect((await asking.ask(`/event/${enc('$nothing')}`)).status).toBe(404)
  })
})

import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { command } from '../../support/operator.ts'
import { HS_TOKEN, registerGhost, registration, startWithServices } from './fixture.ts'
import { openHouse } from './house.ts'

const txnOf = (path: string): string => path.split('/').at(-1) ?? ''

describe('events', () => {
  it('are not lost where the database did not take their transaction', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url })] })
    const ghost = await registerGhost(world, '_irc_ann')
    const [one, two] = [await ghost.createRoom(), await ghost.createRoom()]
    await ghost.sendText(one, 'before')
    await house.untilMessage('before')
    const queue = async () => (await command(world.server, 'list-appservices')).services[0].queue
    await expect.poll(async () => (await queue()).waiting).toBe(0)
    using database = new DatabaseSync(world.server.databaseFile)
    const rename = (from: string, to: string): void => database.exec(`alter table ${from} rename to ${to}`)
    rename('appservice_transactions', 'hidden_transactions')
    await ghost.sendText(one, 'in the bad moment')
    await expect.poll(async () => (await queue()).retry_at !== undefined).toBe(true)
    rename('hidden_transactions', 'appservice_transactions')
    await ghost.sendText(two, 'after it')
    await house.untilMessage('after it')
    const texts = house.events.filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
    expect(texts).toEqual(['before', 'in the bad moment', 'after it'])
  })

  it('come without another one behind them, also where the service was just told of what went before', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({
      registrations: [registration({ url: house.url, receive_ephemeral: true })],
    })
    const ghost = await registerGhost(world, '_irc_ann')
    for (let round = 0; round < 150; round++) {
      const room = await ghost.createRoom()
      await ghost.sendText(room, `last of ${round}`)
      await house.untilMessage(`last of ${round}`)
    }
  }, 60_000)

  it('of rooms with a user of the service come in order, with the bearer token and growing ids', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url })] })
    const ghost = await registerGhost(world, '_irc_ann')
    const bob = await world.server.register('bob')
    const roomId = await bob.createRoom()
    await bob.sendText(roomId, 'before anybody came')
    await bob.invite(roomId, ghost.userId)
    await house.until(({ events }) => events.some(({ content }) => content.membership === 'invite'))
    await bob.sendText(roomId, 'while invited')
    await ghost.join(roomId)
    for (const text of ['one', 'two', 'three']) await bob.sendText(roomId, text)
    await ghost.sendText(roomId, 'four')
    await house.untilMessage('four')
    await ghost.leave(roomId)
    await house.until(({ events }) => events.some(({ content }) => content.membership === 'leave'))
    await bob.sendText(roomId, 'after it left')
    const elsewhere = await ghost.createRoom()
    await ghost.sendText(elsewhere, 'the end')
    await house.untilMessage('the end')
    const texts = house.events.filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
    expect(texts).toEqual(['one', 'two', 'three', 'four', 'the end'])
    const ids = house.transactions.map(({ path }) => Number(txnOf(path)))
    expect(ids).toEqual(ids.map((_, index) => index + 1))
    for (const { path, method, authorization } of house.transactions) {
      expect(path).toMatch(/^\/_matrix\/app\/v1\/transactions\/\d+$/)
      expect({ method, authorization }).toEqual({ method: 'PUT', authorization: `Bearer ${HS_TOKEN}` })
    }
    expect(house.events.at(-1)).toMatchObject({
      ...{ type: 'm.room.message', room_id: elsewhere, sender: ghost.userId },
      event_id: expect.any(String),
      origin_server_ts: expect.any(Number),
    })
  })

  it('of rooms by alias or id come whoever is in them; others never', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({
      registrations: [
        registration({
          url: house.url,
          namespaces: { aliases: [{ exclusive: false, regex: '#public_.*' }], users: [], rooms: [] },
        }),
      ],
    })
    const bob = await world.server.register('bob')
    const plain = await bob.createRoom()
    const named = await bob.createRoom({ room_alias_name: 'public_hall' })
    await bob.sendText(plain, 'not for the service')
    await bob.sendText(named, 'for the service')
    await house.untilMessage('for the service')
    expect(house.events.some(({ content }) => content.body === 'not for the service')).toBe(false)
  })

  it('concern a service by its users of this server alone', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({
      registrations: [registration({ url: house.url, namespaces: { users: [{ exclusive: false, regex: '@bob.*' }] } })],
    })
    const [bob, alice] = [await world.server.register('bob'), await world.server.register('alice')]
    const hers = await alice.createRoom({ invite: [] })
    await alice.sendText(hers, 'not for the service')
    const theirs = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(theirs)
    await alice.sendText(theirs, 'for the service')
    await house.untilMessage('for the service')
    expect(house.events.some(({ room_id }) => room_id === hers)).toBe(false)
  })
})

describe('a service that does not take a transaction', () => {
  it('gets the same again, with the same id, and what came meanwhile after it; after a restart too', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url })] })
    const ghost = await registerGhost(world, '_irc_ann')
    const roomId = await ghost.createRoom()
    await house.until(({ events }) => events.some(({ type }) => type === 'm.room.power_levels'))
    await ghost.sendText(roomId, 'zero')
    await house.untilMessage('zero')
    house.answer = () => ({ status: 500 })
    await ghost.sendText(roomId, 'one')
    await house.untilMessage('one')
    const failed = house.transactions.at(-1)
    await ghost.sendText(roomId, 'two')
    await world.server.restart()
    await house.until(({ transactions }) => transactions.filter(({ path }) => path === failed?.path).length >= 2)
    expect(house.transactions.at(-1)?.text).toBe(failed?.text)
    house.answer = () => ({ status: 200 })
    await world.as().post('/v1/appservice/irc/ping', { transaction_id: 'mine' })
    await house.untilMessage('two')
    const numbers = house.transactions.map(({ path }) => Number(txnOf(path)))
    expect(numbers.at(-1)).toBe(Number(txnOf(failed?.path ?? '')) + 1)
    const same = house.transactions.filter(({ path }) => path === failed?.path)
    expect(new Set(same.map(({ text }) => text)).size).toBe(1)
  })

  it('is asked again by itself, and keeps nobody else waiting; nor does one that hangs', async () => {
    await using ill = await openHouse()
    await using hanging = await openHouse()
    await using well = await openHouse()
    const namespaces = { users: [{ exclusive: false, regex: '@_irc_.*' }] }
    const of = (id: string, url: string) =>
      registration({ id, url, namespaces, as_token: `${id}-token`, sender_localpart: `${id}_bot` })
    ill.answer = ({ path }) => ({ status: path.endsWith('/1') && ill.asked.length < 2 ? 503 : 200 })
    hanging.answer = () => 'never'
    await using world = await startWithServices({
      registrations: [of('ill', ill.url), of('hanging', hanging.url), of('well', well.url)],
    })
    await world
      .as(undefined, 'well-token')
      .post('/v3/register', { type: 'm.login.application_service', username: '_irc_ann', inhibit_login: true })
    const ghost = world.as('_irc_ann', 'well-token')
    const roomId = await ghost.createRoom()
    await ghost.sendText(roomId, 'hello')
    await well.untilMessage('hello')
    await hanging.until(({ asked }) => asked.length > 0)
    await ill.untilMessage('hello')
    expect(ill.transactions.filter(({ path }) => path.endsWith('/1')).length).toBeGreaterThan(1)
    expect(hanging.transactions).toHaveLength(1)
  })

  it('that knows the paths of before alone gets its transactions there, and the token in the query too', async () => {
    await using house = await openHouse()
    house.answer = ({ path }) => ({ status: path.startsWith('/_matrix/app/v1/') ? 404 : 200 })
    await using world = await startWithServices({ registrations: [registration({ url: house.url })] })
    const ghost = await registerGhost(world, '_irc_ann')
    const roomId = await ghost.createRoom()
    await ghost.sendText(roomId, 'hello')
    await house.untilMessage('hello')
    await house.until(({ asked }) => asked.some(({ path }) => path.startsWith('/transactions/')))
    const old = house.asked.find(({ path }) => path.startsWith('/transactions/'))
    expect(old?.path).toBe(`/transactions/1?access_token=${HS_TOKEN}`)
    expect(old?.authorization).toBe(`Bearer ${HS_TOKEN}`)
  })
})

describe('a ping', () => {
  it('says how long the service took, and what it was asked', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url })] })
    const { duration_ms: took } = await world.as().post('/v1/appservice/irc/ping', { transaction_id: 'meow' })
    expect(took).toBeGreaterThanOrEqual(0)
    expect(house.asked).toMatchObject([
      {
        method: 'POST',
        path: '/_matrix/app/v1/ping',
        body: { transaction_id: 'meow' },
        authorization: `Bearer ${HS_TOKEN}`,
      },
    ])
  })

  it('is for the service itself, and says what went wrong', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({
      registrations: [
        registration({ url: house.url }),
        registration({ id: 'silent', as_token: 'silent-token', sender_localpart: 'silent_bot', url: null }),
        registration({ id: 'gone', as_token: 'gone-token', sender_localpart: 'gone_bot', url: 'http://127.0.0.1:9' }),
      ],
      settings: { appservices: {} },
    })
    const bob = await world.server.register('bob')
    const ping = (client: { request: typeof bob.request }, id: string) =>
      client.request('POST', `/v1/appservice/${id}/ping`, { body: {} })
    expect(await ping(bob, 'irc')).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await ping(world.as(), 'silent')).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    const silent = await ping(world.as(undefined, 'silent-token'), 'silent')
    expect(silent).toMatchObject({ status: 400, body: { errcode: 'M_URL_NOT_SET' } })
    const gone = await ping(world.as(undefined, 'gone-token'), 'gone')
    expect(gone).toMatchObject({ status: 502, body: { errcode: 'M_CONNECTION_FAILED' } })
    house.answer = () => ({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await ping(world.as(), 'irc')).toMatchObject({
      status: 502,
      body: { errcode: 'M_BAD_STATUS', status: 403, body: '{"errcode":"M_FORBIDDEN"}' },
    })
  })

  it('of a service that hangs ends', async () => {
    await using house = await openHouse()
    house.answer = () => 'never'
    await using world = await startWithServices({
      registrations: [registration({ url: house.url })],
      settings: { appservices: { requestTimeout: '200ms' } },
    })
    expect(await world.as().request('POST', '/v1/appservice/irc/ping', { body: {} })).toMatchObject({
      status: 504,
      body: { errcode: 'M_CONNECTION_TIMEOUT' },
    })
  })
})

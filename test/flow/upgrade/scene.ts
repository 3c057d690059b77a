import { type Json, TestClient } from '../../support/client.ts'
import {
  comparable,
  type Known,
  type KnownAnswer,
  type KnownClient,
  type KnownPage,
  type Listing,
  list,
} from './known.ts'

const enc = encodeURIComponent
const V1 = '/_matrix/client/api/v1'

/** Fills a fresh homeserver with something of everything, and writes down what its clients know at the end. */
export class Scene {
  readonly #url: string
  readonly #clients = new Map<string, TestClient>()
  readonly #rooms: Record<string, string> = {}
  readonly #pages: KnownPage[] = []
  readonly #answers: KnownAnswer[] = []

  constructor(url: string) {
    this.#url = url
  }

  async play(): Promise<Known> {
    await this.#makeAccounts()
    await this.#makeRooms()
    await this.#makePersonal()
    const transaction = await this.#talk()
    await this.#writeAnswers()
    const clients = [...this.#clients].map(([name, client]): [string, KnownClient] => [name, selfOf(client)])
    return {
      clients: Object.fromEntries(clients),
      rooms: this.#rooms,
      pages: this.#pages,
      answers: this.#answers,
      transaction,
    }
  }

  #of(name: string): TestClient {
    const client = this.#clients.get(name)
    if (client === undefined) throw new Error(`there is no client ${name}`)
    return client
  }

  #room(name: string): string {
    return this.#rooms[name] ?? ''
  }

  async #makeAccounts(): Promise<void> {
    for (const name of ['alice', 'bob', 'carol']) {
      const client = new TestClient(this.#url)
      await client.register(name, { initial_device_display_name: `the first of ${name}` })
      this.#clients.set(name, client)
    }
    this.#clients.set('phone', await this.#of('alice').loginAgain({ initial_device_display_name: 'phone' }))
    this.#clients.set('refreshing', await this.#of('bob').loginAgain({ refresh_token: true }))
    // A device that is gone, and its token with it.
    const lost = await this.#of('carol').loginAgain()
    await lost.post('/v3/logout')
  }

  async #makeRooms(): Promise<void> {
    const [alice, bob, carol] = [this.#of('alice'), this.#of('bob'), this.#of('carol')]
    for (const [name, version] of [
      ['first', '1'],
      ['tenth', '10'],
      ['newest', '12'],
    ] as const) {
      const roomId = await alice.createRoom({
        preset: 'public_chat',
        visibility: 'public',
        room_version: version,
        room_alias_name: name,
        name: `Room ${name}`,
        topic: `A room of version ${version}`,
      })
      this.#rooms[name] = roomId
      await bob.join(roomId)
      await carol.join(roomId)
      await carol.leave(roomId)
      await alice.ban(roomId, carol.userId, 'an example')
      const redacted = await bob.sendText(roomId, 'to be redacted')
      await bob.redact(roomId, redacted, 'it was wrong')
      await alice.setState(roomId, 'org.example.counter', 'a', { n: 1 })
      await alice.setState(roomId, 'org.example.counter', 'a', { n: 2 })
      this.#rooms[`redacted in ${name}`] = redacted
    }
    this.#rooms.invited = await alice.createRoom({ name: 'Invitation', invite: [carol.userId] })
    this.#rooms.left = await bob.createRoom({ preset: 'public_chat', name: 'Left' })
    await alice.join(this.#room('left'))
    await bob.sendText(this.#room('left'), 'before you leave')
    await alice.leave(this.#room('left'))
  }

  async #makePersonal(): Promise<void> {
    const [alice, bob] = [this.#of('alice'), this.#of('bob')]
    const [user, room] = [`/v3/user/${enc(alice.userId)}`, enc(this.#room('tenth'))]
    await alice.put(`${user}/account_data/org.example.global`, { theme: 'dark' })
    await alice.put(`${user}/rooms/${room}/account_data/org.example.room`, { colour: 'blue' })
    await alice.put(`${user}/rooms/${room}/tags/u.work`, { order: 0.5 })
    await alice.put(`/v3/profile/${enc(alice.userId)}/displayname`, { displayname: 'Alice of the fixture' })
    const rule = { actions: ['notify'], pattern: 'fixture' }
    await alice.put('/v3/pushrules/global/content/fixture', rule)
    const pusher = { kind: 'http', app_id: 'org.example', app_display_name: 'Example', device_display_name: 'phone' }
    const gateway = { url: 'https://push.invalid/_matrix/push/v1/notify' }
    await alice.post('/v3/pushers/set', { ...pusher, pushkey: 'key', lang: 'en', data: gateway })
    await bob.post(`/r0/presence/list/${enc(bob.userId)}`, { invite: [alice.userId] })
    await bob.put(`/v3/presence/${enc(bob.userId)}/status`, { presence: 'online', status_msg: 'in a fixture' })
    const upload = await fetch(`${this.#url}/_matrix/media/v3/upload?filename=note.txt`, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.accessToken}`, 'content-type': 'text/plain' },
      body: 'a note in a fixture',
    })
    this.#rooms.media = ((await upload.json()) as Json).content_uri
    const filter = await alice.post(`${user}/filter`, { room: { timeline: { limit: 3 } } })
    this.#answers.push({
      client: 'alice',
      path: `${user}/filter/${filter.filter_id}`,
      body: await alice.get(`${user}/filter/${filter.filter_id}`),
    })
    this.#rooms.filter = filter.filter_id
  }

  /** Takes tokens of all kinds, then writes on, so that each token has something after it. */
  async #talk(): Promise<Known['transaction']> {
    const [alice, bob, phone] = [this.#of('alice'), this.#of('bob'), this.#of('phone')]
    const tenth = enc(this.#room('tenth'))
    const messages = `/v3/rooms/${tenth}/messages`
    const initial = await alice.sync()
    const filtered = await phone.sync({ filter: this.#room('filter') })
    const old = await alice.get(`${V1}/initialSync`, { limit: 2 })
    const back = await alice.get(messages, { dir: 'b', limit: 4 })
    const forward = await alice.get(messages, { dir: 'f', limit: 4 })
    const directory = await alice.get('/v3/publicRooms', { limit: 1 })

    for (const name of ['first', 'tenth', 'newest']) {
      await bob.sendText(this.#room(name), `since the tokens, in ${name}`)
      await alice.setState(this.#room(name), 'org.example.counter', 'a', { n: 3 })
      const read = await bob.sendText(this.#room(name), 'the last that was read')
      await alice.receipt(this.#room(name), read)
      await alice.sendText(this.#room(name), 'unread by bob')
    }
    const body = { msgtype: 'm.text', body: 'sent once' }
    const path = `/v3/rooms/${tenth}/send/m.room.message/fixture-transaction`
    const eventId = (await alice.put(path, body)).event_id

    const since = (token: string): string => `/v3/sync?since=${enc(token)}`
    await this.#page('alice', since(initial.next_batch), 'timelines')
    await this.#page('phone', `${since(filtered.next_batch)}&filter=${this.#room('filter')}`, 'timelines')
    await this.#page('alice', since((await alice.sync({ since: initial.next_batch })).next_batch), 'timelines')
    const prevBatch = initial.rooms.join[this.#room('tenth')].timeline.prev_batch
    for (const token of [prevBatch, back.end])
      await this.#page('alice', `${messages}?dir=b&from=${enc(token)}`, 'chunk')
    await this.#page('alice', `${messages}?dir=f&from=${enc(forward.end)}`, 'chunk')
    await this.#page('alice', `${messages}?dir=b&from=${enc(initial.next_batch)}&limit=3`, 'chunk')
    await this.#page('alice', `${V1}/events?timeout=0&from=${enc(old.end)}`, 'chunk')
    await this.#page('alice', `/v3/events?timeout=0&from=${enc(initial.next_batch)}`, 'chunk')
    const oldRoom = old.rooms.find((room: Json) => room.room_id === this.#room('tenth'))
    const oldMessages = `${V1}/rooms/${tenth}/messages?dir=b&from=${enc(oldRoom.messages.start)}`
    await this.#page('alice', oldMessages, 'chunk')
    await this.#page('alice', `/v3/publicRooms?limit=1&since=${enc(directory.next_batch)}`, 'rooms')
    const context = await alice.get(`/v3/rooms/${tenth}/context/${enc(eventId)}`, { limit: 2 })
    await this.#page('alice', `${messages}?dir=b&from=${enc(context.start)}`, 'chunk')
    await this.#page('alice', `/v3/rooms/${tenth}/members?at=${enc(initial.next_batch)}`, 'chunk')
    return { path, body, eventId }
  }

  async #page(client: string, path: string, listing: Listing): Promise<void> {
    this.#pages.push({ client, path, listing, ids: await list(this.#of(client), path, listing) })
  }

  async #writeAnswers(): Promise<void> {
    const alice = this.#of('alice')
    const user = `/v3/user/${enc(alice.userId)}`
    const tenth = enc(this.#room('tenth'))
    const paths = [
      '/v3/devices',
      '/v3/joined_rooms',
      '/v3/pushers',
      '/v3/pushrules/global/content/fixture',
      `/v3/profile/${enc(alice.userId)}`,
      `${user}/account_data/org.example.global`,
      `${user}/rooms/${tenth}/account_data/org.example.room`,
      `${user}/rooms/${tenth}/tags`,
      `/v3/presence/${enc(this.#of('bob').userId)}/status`,
      ...['first', 'tenth', 'newest'].flatMap((name) => {
        const room = `/v3/rooms/${enc(this.#room(name))}`
        return [
          `${room}/state`,
          `${room}/members`,
          `${room}/event/${enc(this.#room(`redacted in ${name}`))}`,
          `/v3/directory/room/${enc(`#${name}:${alice.userId.split(':')[1]}`)}`,
        ]
      }),
    ]
    for (const path of paths) {
      this.#answers.push({ client: 'alice', path, body: comparable(await alice.get(path)) })
    }
  }
}

const selfOf = ({ userId, deviceId, accessToken, refreshToken }: TestClient): KnownClient => ({
  userId,
  deviceId,
  ...(accessToken === undefined ? {} : { accessToken }),
  ...(refreshToken === undefined ? {} : { refreshToken }),
})

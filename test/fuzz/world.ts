import { createHmac } from 'node:crypto'
import { PASSWORD, TestClient } from '../support/client.ts'
import type { Pools } from './values.ts'

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** The server's own: whoever has it makes an administrator. */
export const SHARED_SECRET = 'a secret of the server'

/** People, rooms and things that requests can name, on a running homeserver. */
export class World {
  readonly #url: string
  readonly #names: readonly string[]
  #tokens: readonly string[] = []
  readonly pools = new Map<string, readonly unknown[]>()

  private constructor(url: string, names: readonly string[]) {
    this.#url = url
    this.#names = names
  }

  /** `number`: people and aliases of their own for each world of one homeserver. */
  static async make(url: string, number: number): Promise<World> {
    const world = new World(
      url,
      ['alice', 'bob', 'carol'].map((name) => `${name}${number}`),
    )
    await world.#makeAdministrator()
    const people: TestClient[] = []
    for (const name of world.#names) {
      const client = new TestClient(url)
      await client.register(name)
      people.push(client)
    }
    await world.#furnish(people)
    await world.logIn()
    return world
  }

  /** Access tokens that worked when they were last looked at. */
  tokens = (): readonly string[] => this.#tokens

  /** Requests log people out: new tokens for all. */
  async logIn(): Promise<void> {
    const tokens: string[] = []
    for (const name of [...this.#names, this.#administrator]) {
      const token = await this.#tokenOf(name)
      // Alice is most of the people: what one of them may is refused to the others.
      tokens.push(...Array(name === this.#names[0] ? 4 : 1).fill(token ?? ''))
    }
    this.#tokens = tokens
  }

  get #administrator(): string {
    return `root-${this.#names[0]}`
  }

  /** undefined for accounts that the administrator has locked, ended or given another password. */
  async #tokenOf(user: string): Promise<string | undefined> {
    const identifier = { type: 'm.id.user', user }
    const body = { type: 'm.login.password', identifier, password: PASSWORD, device_id: 'FUZZ' }
    const { body: answer } = await new TestClient(this.#url).request('POST', '/v3/login', { body, token: null })
    return typeof answer.access_token === 'string' ? answer.access_token : undefined
  }

  async #makeAdministrator(): Promise<void> {
    const path = '/_synapse/admin/v1/register'
    const client = new TestClient(this.#url)
    const { nonce } = await client.ok('GET', path, { token: null })
    const signed = [nonce, this.#administrator, PASSWORD, 'admin'].join('\0')
    const mac = createHmac('sha1', SHARED_SECRET).update(signed).digest('hex')
    await client.ok('POST', path, {
      body: { nonce, username: this.#administrator, password: PASSWORD, admin: true, mac },
      token: null,
    })
  }

  get #hall(): string {
    return `hall-${this.#names[0]}`
  }

  async #furnish([alice, bob, carol]: readonly TestClient[]): Promise<void> {
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error('three people are needed')
    const hall = await alice.createRoom({ preset: 'public_chat', room_alias_name: this.#hall, name: 'Hall' })
    const den = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
    const old = await bob.createRoom({ preset: 'public_chat', room_version: '6' })
    await bob.join(hall)
    await bob.join(den)
    await carol.join(old)
    const events: string[] = []
    for (const roomId of [hall, den]) {
      for (let n = 0; n < 5; n++) events.push(await alice.sendText(roomId, `message ${n}`))
    }
    events.push(await bob.redact(hall, await bob.sendText(hall, 'soon gone')))
    const { filter_id: filterId } = await alice.post(`/v3/user/${encodeURIComponent(alice.userId)}/filter`, {})
    const sync = await alice.sync()
    const page = await alice.messages(hall, { dir: 'b', limit: 2 })
    const upload = await fetch(`${this.#url}/_matrix/media/v3/upload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.accessToken}`, 'content-type': 'image/png' },
      body: PIXEL,
    })
    const { content_uri: uri } = (await upload.json()) as { content_uri: string }
    const users = [alice.userId, alice.userId, alice.userId, bob.userId, carol.userId]
    this.#fill({
      users,
      rooms: [hall, hall, den, old],
      events,
      filterId,
      uri,
      tokens: [sync.next_batch, page.start, page.end],
    })
  }

  #fill(found: Found): void {
    const { users, rooms, events, filterId, uri, tokens } = found
    const alias = `#${this.#hall}:localhost`
    const types = [
      'm.room.message',
      'm.room.name',
      'm.room.topic',
      'm.room.member',
      'm.room.power_levels',
      'm.tag',
      'org.example.thing',
      'm.room.encryption',
      'm.direct',
    ]
    const content = [
      { msgtype: 'm.text', body: 'hello' },
      { name: 'A name' },
      { membership: 'join' },
      { users: {} },
      {},
    ]
    const entries: Readonly<Record<string, readonly unknown[]>> = {
      userId: users,
      user_id: users,
      user: [...users, this.#names[0]],
      invite: users,
      username: ['newcomer', this.#names[0]],
      roomId: rooms,
      room_id: rooms,
      roomIdOrAlias: [...rooms, alias],
      roomAlias: [alias, '#new:localhost'],
      room_alias_name: ['fresh', this.#hall],
      eventId: events,
      'm.fully_read': events,
      'm.read': events,
      'm.read.private': events,
      event_id: events,
      deviceId: ['FUZZ'],
      device_id: ['FUZZ', 'OTHER'],
      'devices[]': [['OTHER']],
      'invite_3pid[]': [[]],
      'initial_state[]': [[], [{ type: 'm.room.topic', content: { topic: 'talk' } }]],
      medium: ['email', 'msisdn'],
      address: ['alice@example.org', 'bob@example.org'],
      email: ['alice@example.org', 'bob@example.org', 'no address'],
      client_secret: ['secret', 'another'],
      clientSecret: ['secret'],
      send_attempt: [1, 2],
      sid: ['1', 'sid'],
      id_server: ['localhost:1'],
      next_link: ['https://chat.example/next'],
      country: ['GB'],
      phone_number: ['07700900001'],
      // None of them leads anywhere: what stands there is not asked for here.
      url: [
        'http://127.0.0.1/',
        'http://[::1]:80/',
        'http://169.254.169.254/',
        'file:///etc/passwd',
        'http://10.0.0.1/x',
      ],
      redirectUrl: ['https://app.example/back', 'javascript:alert(1)'],
      idpId: ['provider'],
      server: ['localhost'],
      network_id: [],
      eventType: types,
      type: [...types, 'm.login.password'],
      stateKey: ['', ...users],
      txnId: ['t1', 't2', 't3'],
      receiptType: ['m.read', 'm.fully_read', 'm.read.private'],
      tag: ['m.favourite', 'u.work'],
      filterId: [filterId, '0'],
      scope: ['global'],
      kind: ['override', 'content', 'room', 'sender', 'underride', 'user', 'guest', 'http'],
      ruleId: ['.m.rule.master', '.m.rule.roomnotif', 'mine', rooms[0]],
      keyName: ['displayname', 'avatar_url', 'm.tz'],
      authType: ['m.login.dummy', 'm.login.password', 'm.login.terms', 'm.login.recaptcha', 'm.login.unknown'],
      serverName: ['localhost', 'example.org'],
      mediaId: [uri.split('/').at(-1)],
      fileName: ['a.png'],
      since: tokens,
      from: [...tokens, 'START', 'END'],
      to: [...tokens, 'START', 'END'],
      at: tokens,
      before: ['now'],
      after: ['1'],
      dir: ['b', 'f'],
      limit: [0, 1, 10],
      filter: [filterId, '{"room":{"timeline":{"limit":1}}}', '{'],
      format: ['content', 'event'],
      membership: ['join', 'leave'],
      presence: ['online', 'offline', 'unavailable'],
      set_presence: ['offline', 'online'],
      password: [PASSWORD, 'wrong'],
      new_password: ['another one'],
      identifier: [{ type: 'm.id.user', user: this.#names[0] }],
      // The right password here would end accounts that the other requests need.
      auth: [
        { type: 'm.login.dummy' },
        { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: 'wrong' },
      ],
      displayname: ['Alice'],
      avatar_url: [uri],
      visibility: ['public', 'private'],
      preset: ['public_chat', 'private_chat', 'trusted_private_chat'],
      room_version: ['1', '6', '10', '11', '12', '13'],
      timeout: [0, 1_000],
      timeout_ms: [1],
      width: [16, 32],
      height: [16, 32],
      method: ['crop', 'scale'],
      actions: [['notify'], ['dont_notify'], ['notify', { set_tweak: 'sound', value: 'default' }]],
      token: ['nothing'],
      content,
    }
    for (const [name, values] of Object.entries(entries)) this.pools.set(name, values)
  }
}

interface Found {
  readonly users: readonly string[]
  readonly rooms: readonly string[]
  readonly events: readonly string[]
  readonly filterId: string
  readonly uri: string
  readonly tokens: readonly string[]
}

export type { Pools }

import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

interface Key {
  readonly first_message_index: number
  readonly forwarded_count: number
  readonly is_verified: boolean
  readonly session_data: { readonly by: number }
}

type Sessions = Map<string, Key>

/** One request: keys put for places, or the keys of a place removed. A place is a room, a session in it, or everything. */
type Step =
  | { readonly kind: 'put'; readonly keys: readonly { readonly at: string; readonly key: Omit<Key, 'session_data'> }[] }
  | { readonly kind: 'remove'; readonly room: string | undefined; readonly session: string | undefined }

const ROOMS = ['!a:x.org', '!b:x.org']
const SESSIONS = ['s', 't']
const place = fc.tuple(fc.constantFrom(...ROOMS), fc.constantFrom(...SESSIONS)).map((both) => both.join(' '))
const rank = fc.record({
  first_message_index: fc.integer({ min: 0, max: 2 }),
  forwarded_count: fc.integer({ min: 0, max: 2 }),
  is_verified: fc.boolean(),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .array(fc.record({ at: place, key: rank }), { maxLength: 4 })
      .map((keys) => ({ kind: 'put' as const, keys })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('remove' as const),
      room: fc.option(fc.constantFrom(...ROOMS), { nil: undefined }),
      session: fc.option(fc.constantFrom(...SESSIONS), { nil: undefined }),
    }),
  },
)

/** The rule of the specification, in its words: verified first, then the lower first_message_index, then the lower forwarded_count. */
const better = (one: Key, than: Key): boolean => {
  if (one.is_verified !== than.is_verified) return one.is_verified
  if (one.first_message_index !== than.first_message_index) return one.first_message_index < than.first_message_index
  return one.forwarded_count < than.forwarded_count
}

const matches = (at: string, { room, session }: Extract<Step, { kind: 'remove' }>): boolean => {
  const [inRoom, inSession] = at.split(' ')
  return (
    (room === undefined || room === inRoom) && (room === undefined || session === undefined || session === inSession)
  )
}

/** Carries a step out on the model. Returns whether it changed anything. */
const apply = (model: Sessions, one: Step, keys: ReadonlyMap<string, Key>): boolean => {
  let changed = false
  if (one.kind === 'remove') {
    for (const at of [...model.keys()]) if (matches(at, one)) changed = model.delete(at) || changed
    return changed
  }
  for (const [at, key] of keys) {
    const stored = model.get(at)
    if (stored !== undefined && !better(key, stored)) continue
    model.set(at, key)
    changed = true
  }
  return changed
}

const byRoom = (keys: ReadonlyMap<string, Key>): Json => {
  const rooms: Record<string, { sessions: Record<string, Key> }> = {}
  for (const [at, key] of keys) {
    const [room = '', session = ''] = at.split(' ')
    rooms[room] ??= { sessions: {} }
    rooms[room].sessions[session] = key
  }
  return rooms
}

onEveryHomeserver('keys in a backup, whatever is put and removed', (start) => {
  const homeserver = shareHomeserver(start)

  it('are those that the rule of which key replaces which leaves, and the etag moves exactly when they change', async () => {
    const alice = await (await homeserver()).register('alice')
    const creation = { algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2', auth_data: {} }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { version } = await alice.post('/v3/room_keys/version', creation)
        const model: Sessions = new Map()
        let { etag } = await alice.get('/v3/room_keys/version')
        for (const [by, one] of steps.entries()) {
          const keys = new Map(
            one.kind === 'put' ? one.keys.map(({ at, key }) => [at, { ...key, session_data: { by } }]) : [],
          )
          const changed = apply(model, one, keys)
          const path =
            one.kind === 'put' || one.room === undefined
              ? ''
              : `/${encodeURIComponent(one.room)}${one.session === undefined ? '' : `/${one.session}`}`
          const answer = await alice.ok(one.kind === 'put' ? 'PUT' : 'DELETE', `/v3/room_keys/keys${path}`, {
            query: { version },
            ...(one.kind === 'put' ? { body: { rooms: byRoom(keys) } } : {}),
          })
          expect([answer.count, answer.etag !== etag]).toEqual([model.size, changed])
          etag = answer.etag
        }
        expect((await alice.get('/v3/room_keys/keys', { version })).rooms).toEqual(byRoom(model))
        expect(await alice.get('/v3/room_keys/version')).toMatchObject({ version, etag, count: model.size })
        await alice.delete(`/v3/room_keys/version/${version}`)
      }),
      { numRuns: 60 },
    )
  }, 120_000)
})

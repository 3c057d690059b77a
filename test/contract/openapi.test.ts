import { describe, expect, it } from 'vitest'
import { checkResponse, examplesOf, findOperation, isOpenApiPresent, readOperations } from '../support/openapi.ts'

const judged = readOperations().filter(({ api }) => api === 'client-server' || api === 'server-server')

describe.skipIf(!isOpenApiPresent)('the judge of responses (skipped where the official data is absent)', () => {
  it('lets every official example of a response pass', () => {
    let examples = 0
    const refused: string[] = []
    for (const operation of judged) {
      // Its one example is a reference to what should be a list, and is none.
      if (operation.operationId === 'sendKnock') continue
      const concrete = operation.path.replace(/\{[^}]+\}/g, 'x')
      for (const { status, value } of examplesOf(operation)) {
        examples += 1
        const violations = checkResponse(operation.method, concrete, status, value)
        if (violations.length > 0) refused.push(...violations)
      }
    }
    expect(examples).toBeGreaterThan(200)
    expect(refused).toEqual([])
  })

  it.each([
    ['GET', '/_matrix/client/v3/account/whoami?user_id=x', 'getTokenOwner'],
    ['GET', '/_matrix/client/r0/account/whoami', 'getTokenOwner'],
    ['POST', '/_matrix/client/v3/rooms/!a:b/invite', 'inviteUser'],
    ['PUT', '/_matrix/client/v3/rooms/!a:b/state/m.room.topic', 'setRoomStateWithKey'],
    ['PUT', '/_matrix/client/v3/rooms/!a:b/state/m.room.topic/', 'setRoomStateWithKey'],
    ['GET', '/_matrix/client/v3/rooms/!a:b/state', 'getRoomState'],
    ['GET', '/_matrix/client/v3/pushrules/', 'getPushRules'],
    ['GET', '/_matrix/client/v3/pushrules', 'getPushRules'],
    ['GET', '/_matrix/client/v3/room_keys/keys/a/b', 'getRoomKeyBySessionId'],
    ['GET', '/_matrix/client/versions', 'getVersions'],
    ['GET', '/_matrix/federation/v1/query/profile?user_id=%40a%3Ab', 'queryProfile'],
    ['GET', '/_matrix/federation/v1/query/other', 'queryInfo'],
    ['GET', '/_matrix/key/v2/server', 'getServerKey'],
  ])('knows %s %s as %s', (method, path, operationId) => {
    expect(findOperation(method, path)?.operationId).toBe(operationId)
  })

  it('judges nothing that is not in the data', () => {
    expect(checkResponse('GET', '/_synapse/admin/v1/register', 200, { nonce: 'x' })).toEqual([])
  })

  it('finds a missing, a wrong and a deeply nested property', () => {
    expect(checkResponse('GET', '/_matrix/client/v3/account/whoami', 200, {})).not.toEqual([])
    expect(checkResponse('GET', '/_matrix/client/v3/account/whoami', 200, { user_id: 7 })).not.toEqual([])
    expect(checkResponse('GET', '/_matrix/client/v3/account/whoami', 200, { user_id: '@a:b' })).toEqual([])
    const timeline = (event: object) => ({
      next_batch: 's1',
      rooms: { join: { '!a:b': { timeline: { events: [event], limited: false } } } },
    })
    const event = { type: 'm.x', event_id: '$a', sender: '@a:b', origin_server_ts: 1, content: {} }
    expect(checkResponse('GET', '/_matrix/client/v3/sync', 200, timeline(event))).toEqual([])
    expect(
      checkResponse('GET', '/_matrix/client/v3/sync', 200, timeline({ ...event, origin_server_ts: 'noon' })),
    ).not.toEqual([])
    expect(checkResponse('GET', '/_matrix/client/v3/sync', 200, timeline({ ...event, sender: undefined }))).not.toEqual(
      [],
    )
  })

  it('takes the standard error at any status, and nothing undocumented else', () => {
    const whoami = '/_matrix/client/v3/account/whoami'
    expect(checkResponse('GET', whoami, 418, { errcode: 'M_UNKNOWN', error: 'tea' })).toEqual([])
    expect(checkResponse('GET', whoami, 418, { tea: true })).not.toEqual([])
    expect(checkResponse('GET', whoami, 201, { user_id: '@a:b' })).not.toEqual([])
  })

  it('takes a 401 as a refusal and as a question for authentication', () => {
    const devices = '/_matrix/client/v3/delete_devices'
    const question = { flows: [{ stages: ['m.login.dummy'] }], params: {}, session: 'x' }
    expect(checkResponse('POST', devices, 401, question)).toEqual([])
    expect(checkResponse('POST', devices, 401, { errcode: 'M_UNKNOWN_TOKEN', error: 'no' })).toEqual([])
    expect(checkResponse('POST', devices, 401, { session: 'x' })).not.toEqual([])
  })
})

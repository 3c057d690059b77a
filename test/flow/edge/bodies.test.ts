import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEdge, type TestEdge } from './fixture.ts'

let edge: TestEdge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge[Symbol.asyncDispose]())

const STRICT = '/_matrix/client/v3/strict'
const LENIENT = '/_matrix/client/v3/lenient'
const post = (body: string | Uint8Array, headers: Record<string, string> = {}, path = STRICT) =>
  edge.ask('POST', path, { body, headers })

describe('a request body', () => {
  it.each([
    ['application/json'],
    ['application/json; charset=utf-8'],
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['nonsense'],
    [''],
  ])('is read as JSON whatever its content type: %j', async (type) => {
    const { status, json } = await post('{"name":"Grüße"}', { 'content-type': type })
    expect(status).toBe(200)
    expect(json.body).toEqual({ name: 'Grüße' })
  })

  it.each([
    ['nothing', ''],
    ['half an object', '{"name":'],
    ['a form', 'name=alice'],
    ['two objects', '{}{}'],
    ['a byte that is no UTF-8', Uint8Array.from([...Buffer.from('{"name":"'), 0xff, ...Buffer.from('"}')])],
    [
      'a surrogate encoded as UTF-8',
      Uint8Array.from([...Buffer.from('{"name":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')]),
    ],
    ['NaN', '{"name":NaN}'],
  ])('that is no JSON is M_NOT_JSON: %s', async (_, body) => {
    const { status, json } = await post(body)
    expect(status).toBe(400)
    expect(json.errcode).toBe('M_NOT_JSON')
  })

  it.each([['[]'], ['"text"'], ['null'], ['3']])('that is JSON but no object is M_BAD_JSON: %s', async (body) => {
    const { status, json } = await post(body)
    expect(status).toBe(400)
    expect(json.errcode).toBe('M_BAD_JSON')
  })

  it.each([
    ['{"name":3}'],
    ['{"name":"x","count":"3"}'],
    ['{"name":"x","count":1.5}'],
    ['{"name":"x","list":[{"id":1}]}'],
    ['{"name":null}'],
  ])('whose members have other types is M_BAD_JSON, and nothing is coerced: %s', async (body) => {
    const { status, json } = await post(body)
    expect(status).toBe(400)
    expect(json.errcode).toBe('M_BAD_JSON')
  })

  it.each([['{}'], ['{"count":1}'], ['{"name":"x","list":[{}]}'], ['{"__proto__":{"name":"x"}}']])(
    'without a required member is M_MISSING_PARAM: %s',
    async (body) => {
      const { status, json } = await post(body)
      expect(status).toBe(400)
      expect(json.errcode).toBe('M_MISSING_PARAM')
    },
  )

  it('may have members that nobody knows, which are passed on, `__proto__` as an ordinary one', async () => {
    const { status, text } = await post('{"name":"x","org.example.extra":{"a":1},"__proto__":{"admin":true}}')
    expect(status).toBe(200)
    expect(text).toContain('"org.example.extra":{"a":1}')
    expect(text).toContain('"__proto__":{"admin":true}')
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it('may be left away where it is optional', async () => {
    expect((await edge.ask('POST', LENIENT)).json.body).toEqual({})
    expect((await post('', {}, LENIENT)).json.body).toEqual({})
    expect((await post('{"reason":"x"}', {}, LENIENT)).json.body).toEqual({ reason: 'x' })
    expect((await post('{"reason":1}', {}, LENIENT)).json.errcode).toBe('M_BAD_JSON')
  })

  it('may nest 100 levels deep and no deeper', async () => {
    const nested = (depth: number): string => `{"name":"[[[[","a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
    expect((await post(nested(100))).status).toBe(200)
    const refused = await post(nested(101))
    expect(refused.status).toBe(400)
    expect(refused.json.errcode).toBe('M_BAD_JSON')
    expect((await post(`{"name":"x","a":${'{"b":'.repeat(600)}`)).json.errcode).toBe('M_BAD_JSON')
  })

  it('does not count brackets inside of texts as levels', async () => {
    const text = `${'['.repeat(300)}\\"${'{'.repeat(300)}`
    expect((await post(`{"name":"${text}"}`)).status).toBe(200)
  })

  it('that is too large is M_TOO_LARGE, whether it says its length or comes in pieces', async () => {
    const large = `{"name":"${'x'.repeat(5_000)}"}`
    const known = await post(large)
    expect(known.status).toBe(413)
    expect(known.json.errcode).toBe('M_TOO_LARGE')
    const pieces = new ReadableStream({
      start(controller) {
        for (let at = 0; at < large.length; at += 1_000) controller.enqueue(Buffer.from(large.slice(at, at + 1_000)))
        controller.close()
      },
    })
    const response = await fetch(`${edge.url}${STRICT}`, {
      method: 'POST',
      body: pieces,
      duplex: 'half',
    } as RequestInit)
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ errcode: 'M_TOO_LARGE' })
  })
})

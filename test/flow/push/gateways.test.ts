import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '#base'
import { isPrivateAddress, PushGateways } from '#net'
import { PushGateway } from '../../support/other-servers/push-gateway.ts'

let gateway: PushGateway
let gateways: PushGateways

const client = (options: { allowPrivateAddresses?: boolean; timeoutMs?: number } = {}): PushGateways => {
  gateways = new PushGateways({ clock: systemClock, allowPrivateAddresses: true, timeoutMs: 5_000, ...options })
  return gateways
}

beforeEach(async () => {
  gateway = await PushGateway.start()
})
afterEach(async () => {
  gateways.close()
  await gateway[Symbol.asyncDispose]()
})

const BODY = '{"notification":{"devices":[]}}'

it('a gateway tells which pushkeys it rejects', async () => {
  gateway.react = (response) => response.end('{"rejected":["a",5,"b"]}')
  expect(await client().notify(gateway.url, BODY)).toEqual({ kind: 'delivered', rejected: ['a', 'b'] })
})

it('an answer that is an error, a redirect, no JSON, or too long is none', async () => {
  const push = client()
  const reasonOf = async (): Promise<string> => {
    const answer = await push.notify(gateway.url, BODY)
    return answer.kind === 'failed' ? answer.reason : 'delivered'
  }
  gateway.react = (response) => response.writeHead(404).end('{"rejected":[]}')
  expect(await reasonOf()).toBe('status 404')
  gateway.react = (response) => response.writeHead(307, { location: gateway.url }).end()
  expect(await reasonOf()).toBe('status 307')
  gateway.react = (response) => response.end('<html>')
  expect(await reasonOf()).toContain('JSON')
  gateway.react = (response) => response.end('[]')
  expect(await reasonOf()).toContain('JSON')
  gateway.react = (response) => response.end(`{"rejected":["${'x'.repeat(70_000)}"]}`)
  expect(await reasonOf()).toContain('longer')
  expect(gateway.requests).toBe(5)
})

it('a gateway that is silent is not waited for longer than configured, nor beyond the end', async () => {
  gateway.react = () => {}
  expect(await client({ timeoutMs: 50 }).notify(gateway.url, BODY)).toEqual({
    kind: 'failed',
    reason: 'no answer in 50 ms',
  })
  const push = client({ timeoutMs: 60_000 })
  const pending = push.notify(gateway.url, BODY)
  await gateway.next()
  push.close()
  expect((await pending).kind).toBe('failed')
})

it('requests beyond the limit of one gateway wait for their turn, and all are done', async () => {
  let open = 0
  let most = 0
  gateway.react = (response) => {
    most = Math.max(most, ++open)
    setImmediate(() => {
      open--
      response.end('{"rejected":[]}')
    })
  }
  const push = client()
  const answers = await Promise.all(Array.from({ length: 60 }, () => push.notify(gateway.url, BODY)))
  expect(answers.every(({ kind }) => kind === 'delivered')).toBe(true)
  expect(most).toBeLessThanOrEqual(16)
})

it('private networks are not reached, neither by address nor by a name that leads there', async () => {
  const push = client({ allowPrivateAddresses: false })
  const { port } = new URL(gateway.url)
  for (const host of ['127.0.0.1', '[::1]', 'localhost', '[::ffff:127.0.0.1]', '2130706433']) {
    const answer = await push.notify(`http://${host}:${port}/_matrix/push/v1/notify`, BODY)
    expect([host, answer.kind === 'failed' && answer.reason.includes('private')]).toEqual([host, true])
  }
  expect(gateway.requests).toBe(0)
  const inside = ['10.0.0.1', '172.31.0.1', '100.64.0.1', '169.254.169.254', '::', 'fe80::1', '64:ff9b::a00:1', 'name']
  expect(inside.filter((address) => !isPrivateAddress(address))).toEqual([])
  expect(['8.8.8.8', '172.32.0.1', '2606:4700::1111'].filter(isPrivateAddress)).toEqual([])
})

import type { IncomingMessage } from 'node:http'
import { expect, it } from 'vitest'
import type { FederationRequest } from '#net'
import type { ServerName } from '#spec'
import { isSignedBy, readAuthorization } from '../../../support/federation-peer/x-matrix.ts'
import { keyOf, Network } from './network.ts'
import { TlsSite } from './tls-site.ts'

interface Came {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

/** What a server gets of a request. */
const sent = async (request: FederationRequest): Promise<Came> => {
  await using site = await TlsSite.start({ port: 0 })
  await using network = await Network.start({ addresses: new Map([['peer.example', site.address]]) })
  const came = new Promise<Came>((resolve) => {
    const uri = request.query === undefined ? request.path : `${request.path}?a=b%20c&list=1&list=%C3%A4`
    site.on(uri, (incoming, response) => {
      let text = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (piece: string) => {
        text += piece
      })
      incoming.on('end', () => {
        resolve({ method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, text })
        response.end('{}')
      })
    })
  })
  expect(await network.client.json('peer.example' as ServerName, request)).toEqual({})
  return came
}

const isSigned = ({ method, url: uri, headers, text }: Came): boolean => {
  const said = readAuthorization(headers.authorization)
  expect(said).toMatchObject({ origin: 'us.example', destination: 'peer.example', keyId: 'ed25519:a_1' })
  const content = text === '' ? undefined : JSON.parse(text)
  const parts = { method, uri, origin: 'us.example', destination: 'peer.example', content }
  return isSignedBy(keyOf('us.example').publicKey, said?.signature ?? '', parts)
}

const path = '/_matrix/federation/v1/send/w%C3%B6rd%2F1'

it('a request with a body is signed, with the path and the query as they are sent', async () => {
  const body = { z: 1, a: { ü: ['\u2028', 'x"y\\'], b: null } }
  const query = { a: 'b c', list: ['1', 'ä'], none: undefined }
  const came = await sent({ method: 'PUT', path, query, body })
  expect(JSON.parse(came.text)).toEqual(body)
  expect(came.headers).toMatchObject({ 'content-type': 'application/json', host: 'peer.example' })
  expect(came.headers['content-length']).toBe(`${Buffer.byteLength(came.text)}`)
  expect(isSigned(came)).toBe(true)
})

it('a request without a body is signed without content', async () => {
  const came = await sent({ method: 'GET', path })
  expect([came.text, came.headers['content-length'], came.headers['content-type']]).toEqual(['', undefined, undefined])
  expect(isSigned(came)).toBe(true)
})

it('a text that many requests share is sent and signed as it is', async () => {
  const bodyJson = '{"edus":[],"pdus":[{"a":1}]}'
  const came = await sent({ method: 'POST', path, bodyJson })
  expect(came.text).toBe(bodyJson)
  expect(isSigned(came)).toBe(true)
})

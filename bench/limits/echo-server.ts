import { createServer } from 'node:http'

/**
 * A process of its own: reads each request's body whole and answers as a send is answered, doing nothing else. It prints its port
 * and ends with its parent.
 */
const answer = '{"event_id":"$143273582443PhrSn-AAAAAAAAAAAAAAAAAAAAAAAAAAA"}'

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
    response.end(answer)
  })
})

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`)
})
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))

import { createServer } from 'node:https'
import { parentPort, workerData } from 'node:worker_threads'

// Many homeservers in one: they take every transaction. Says the port, and then after each request how many there were.
let taken = 0
const server = createServer(workerData, (request, response) => {
  request.resume()
  request.on('end', () => {
    response.setHeader('content-type', 'application/json')
    response.end('{"pdus":{}}')
    parentPort?.postMessage({ taken: ++taken })
  })
})
server.listen(0, '127.0.0.1', 4_096, () => parentPort?.postMessage({ port: server.address().port }))

import { mkdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * The least that a server can be for a send and for whoever waits for it, to be measured in place of another homeserver: `bare-server.ts PORT [FOLDER]`. It checks nothing and knows one room: a send is a row with three
 * indexes in a synced commit, and its text is given to every request that waits in `/sync`. FOLDER is where the database lies, best on the disk of the other server's data.
 */
const [port = '8142', folder = tmpdir()] = process.argv.slice(2)
const place = join(folder, `bench-bare-${port}`)
// A server that was killed leaves its folder to the next one.
rmSync(place, { recursive: true, force: true })
mkdirSync(place)
const database = new DatabaseSync(join(place, 'events.db'))
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
database.exec(`
  CREATE TABLE events (position INTEGER PRIMARY KEY, event_id TEXT NOT NULL, room INTEGER NOT NULL, json TEXT NOT NULL);
  CREATE UNIQUE INDEX events_by_id ON events (event_id);
  CREATE INDEX events_by_room ON events (room, position);
  CREATE INDEX events_by_depth ON events (room, position, event_id);`)
const insert = database.prepare('INSERT INTO events (position, event_id, room, json) VALUES (?, ?, 1, ?)')

const ROOM = '!bench-room-of-the-usual-length:localhost'
/** Requests answered in one turn of the event loop. */
const SLICE = 16

let users = 0
let position = 0
let newest = '{}'
const waiting = new Set<ServerResponse>()

const answer = (response: ServerResponse, text: string): void => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

const eventIdOf = (number: number): string => `$${(number * 7919).toString(36).padStart(43, 'k')}`

const syncText = (): string => {
  const eventId = eventIdOf(position)
  const event = `{"type":"m.room.message","content":${newest},"event_id":"${eventId}","origin_server_ts":1,"sender":"@bench:localhost"}`
  const room = `{"timeline":{"events":[${event}],"limited":false,"prev_batch":"${position}"},"unread_notifications":{"notification_count":1}}`
  return `{"next_batch":"${position}","rooms":{"join":{"${ROOM}":${room}}}}`
}

const tellAll = (): void => {
  const told = [...waiting]
  waiting.clear()
  const text = syncText()
  let next = 0
  const slice = (): void => {
    for (const response of told.slice(next, next + SLICE)) answer(response, text)
    next += SLICE
    if (next < told.length) setImmediate(slice)
  }
  slice()
}

const send = (response: ServerResponse, content: string): void => {
  position++
  newest = content
  insert.run(position, eventIdOf(position), content)
  answer(response, `{"event_id":"${eventIdOf(position)}"}`)
  tellAll()
}

const sync = (response: ServerResponse, url: string): void => {
  const since = new URL(url, 'http://localhost').searchParams.get('since')
  if (since === null || Number(since) < position) {
    answer(response, syncText())
    return
  }
  waiting.add(response)
  response.on('close', () => waiting.delete(response))
}

const others = (response: ServerResponse, url: string): void => {
  if (url.includes('/versions')) answer(response, '{"versions":["v1.11"]}')
  else if (url.includes('/register')) {
    users++
    answer(response, `{"user_id":"@bench${users}:localhost","access_token":"bench_${users}","device_id":"BENCH"}`)
  } else answer(response, `{"room_id":"${ROOM}"}`)
}

const serve = (request: IncomingMessage, response: ServerResponse, body: string): void => {
  const { url = '' } = request
  if (url.includes('/send/')) send(response, body)
  else if (url.includes('/sync')) sync(response, url)
  else others(response, url)
}

const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (text: string) => {
    body += text
  })
  request.on('end', () => serve(request, response, body))
})

const end = (): void => {
  database.close()
  rmSync(place, { recursive: true, force: true })
  process.exit(0)
}
process.on('SIGTERM', end)
process.on('SIGINT', end)
server.listen(Number(port), '127.0.0.1')

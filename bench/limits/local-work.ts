import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { nowMs } from '../measure/now.ts'

/**
 * A process of its own, so that it can stand on the server's core: `local-work.ts sqlite-append GROUP SECONDS FOLDER` or
 * `local-work.ts ed25519-sign 1 SECONDS FOLDER`. Prints events a second.
 */
const [work, width, seconds, folder] = process.argv.slice(2)

function eventText(number: number): string {
  const head = `{"type":"m.room.message","event_id":"$${String(number).padStart(43, '0')}","content":{"body":"`
  return `${head.padEnd(647, 'x')}"}}`
}

/** What any server has to do for an event that must outlive a power cut: a row of 650 bytes, three indexes, a synced commit. */
function appendPerSecond(groupSize: number, forMs: number, parent: string): number {
  const place = mkdtempSync(join(parent, 'bench-append-'))
  const database = new DatabaseSync(join(place, 'events.db'))
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
    database.exec(`
      CREATE TABLE events (position INTEGER PRIMARY KEY, event_id TEXT NOT NULL, room INTEGER NOT NULL, depth INTEGER NOT NULL,
        sender INTEGER NOT NULL, json TEXT NOT NULL);
      CREATE UNIQUE INDEX events_by_id ON events (event_id);
      CREATE INDEX events_by_room ON events (room, position);
      CREATE INDEX events_by_depth ON events (room, depth);`)
    const insert = database.prepare('INSERT INTO events (event_id, room, depth, sender, json) VALUES (?, ?, ?, ?, ?)')
    let appended = 0
    const startMs = nowMs()
    while (nowMs() - startMs < forMs) {
      database.exec('BEGIN IMMEDIATE')
      for (let inGroup = 0; inGroup < groupSize; inGroup += 1) {
        appended += 1
        insert.run(
          `$${(appended * 7919).toString(36).padStart(43, 'k')}`,
          appended % 100,
          appended,
          appended % 64,
          eventText(appended),
        )
      }
      database.exec('COMMIT')
    }
    return (appended * 1000) / (nowMs() - startMs)
  } finally {
    database.close()
    rmSync(place, { recursive: true, force: true })
  }
}

function signPerSecond(forMs: number): number {
  const { privateKey } = generateKeyPairSync('ed25519')
  const event = Buffer.from(eventText(1))
  let signed = 0
  const startMs = nowMs()
  while (nowMs() - startMs < forMs) {
    sign(null, event, privateKey)
    signed += 1
  }
  return (signed * 1000) / (nowMs() - startMs)
}

const forMs = Number(seconds) * 1000
if (work === 'sqlite-append' && folder !== undefined) {
  process.stdout.write(`${appendPerSecond(Number(width), forMs, folder)}\n`)
} else if (work === 'ed25519-sign') {
  process.stdout.write(`${signPerSecond(forMs)}\n`)
} else {
  process.stderr.write('usage: local-work.ts sqlite-append|ed25519-sign WIDTH SECONDS FOLDER\n')
  process.exitCode = 64
}

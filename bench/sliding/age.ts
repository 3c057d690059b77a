import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { enc } from '../growth/caller.ts'
import type { Scene } from '../growth/scene.ts'
import { median } from '../measure/stats.ts'
import { Connection } from './connection.ts'
import { ms } from './first-answers.ts'
import type { Figure } from './sliding.ts'

const STRETCHES = 20
const ALL_ROOMS = 10_000
/** A message comes with every so many requests, and typing with the others. */
const MESSAGE_EVERY = 10
const MAY_GROW = 1.1

/** The cost of a request, and the bytes stored, as a connection grows old; it has told all rooms. */
export const age = async ({ server, alice, bob, room }: Scene, requests: number): Promise<readonly Figure[]> => {
  const connection = new Connection(bob, 'old')
  await connection.next(ALL_ROOMS)
  const aStretch = Math.max(1, Math.floor(requests / STRETCHES))
  const costs: number[] = []
  const costOf = async (): Promise<number> => {
    const ofRequests: number[] = []
    for (let made = 0; made < aStretch; made++) {
      if (made % MESSAGE_EVERY === 0) await alice.send(room, 'one more message')
      else {
        const typing = made % 2 === 0
        await alice.put(`/rooms/${enc(room)}/typing/${enc(alice.userId)}`, { typing, timeout: 30_000 })
      }
      const before = server.cpuMs()
      await connection.next(ALL_ROOMS)
      ofRequests.push(server.cpuMs() - before)
    }
    return median(ofRequests)
  }
  // Warms up.
  await costOf()
  const bytesBefore = await storedBytes(server)
  for (let stretch = 0; stretch < STRETCHES; stretch++) costs.push(await costOf())
  const bytesAfter = await storedBytes(server)
  const [first, last] = [median(costs.slice(0, 3)), median(costs.slice(-3))]
  const growth = last / first
  return [
    { name: `a request of a new connection, processor time`, value: ms(first) },
    {
      name: `a request after ${requests} others, processor time`,
      value: `${ms(last)}, ${growth.toFixed(2)}x`,
      bound: `at most ${MAY_GROW.toFixed(2)}x`,
      failed: growth > MAY_GROW,
    },
    {
      name: `bytes stored of connections after ${requests} requests`,
      value: `${bytesAfter}, before ${bytesBefore}`,
      bound: `at most ${MAY_GROW.toFixed(2)}x`,
      failed: bytesAfter > bytesBefore * MAY_GROW,
    },
  ]
}

/** Bytes of the checkpoints of sliding sync, once the server has stored what it holds. */
const storedBytes = async (server: Scene['server']): Promise<number> => {
  await server.stop()
  const db = new DatabaseSync(join(server.folder, 'data', 'homeroom.sqlite'), { readOnly: true })
  try {
    const rows = db.prepare(`select * from short_lived where kind = 'sliding-checkpoint'`).all()
    const bytes = rows.reduce((sum, row) => sum + Buffer.byteLength(Object.values(row).join('')), 0)
    return bytes
  } finally {
    db.close()
    await server.start()
  }
}

// Loaded into the measured server by `--import`: tells, on a port of its own, how long single steps of its event loop took and what memory it held. `/held`: the bytes in use after all else was collected.

import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

const EVERY_MS = 1
const KEPT = 200_000

if (isMainThread && process.env.BENCH_PROBE !== undefined) {
  let steps = []
  let peakRss = 0
  let last = process.threadCpuUsage()
  // Processor time of the main thread between two timers: on a loaded machine it says what others could not have had, as a clock cannot.
  const look = () => {
    const now = process.threadCpuUsage()
    const stepMs = (now.user - last.user + now.system - last.system) / 1_000
    last = now
    if (steps.length < KEPT) steps.push(stepMs)
    setTimeout(look, EVERY_MS).unref()
  }
  look()
  const watch = () => {
    peakRss = Math.max(peakRss, process.memoryUsage.rss())
    setTimeout(watch, 20).unref()
  }
  watch()
  let collect
  const heldBytes = () => {
    if (collect === undefined) {
      setFlagsFromString('--expose-gc')
      collect = runInNewContext('gc')
    }
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const server = createServer((request, response) => {
    if (request.url === '/held') {
      response.end(JSON.stringify({ heldBytes: heldBytes() }))
      return
    }
    const ascending = steps.sort((one, other) => one - other)
    const at = (share) => ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))] ?? 0
    const memory = process.memoryUsage()
    const told = {
      longestMs: at(1),
      p99Ms: at(0.99),
      peakRss: Math.max(peakRss, memory.rss),
      heapUsed: memory.heapUsed,
    }
    steps = []
    peakRss = 0
    response.end(JSON.stringify(told))
  })
  server.unref()
  server.listen(0, '127.0.0.1', () => writeFileSync(process.env.BENCH_PROBE, String(server.address().port)))
}

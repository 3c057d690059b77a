import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { DEEDS, type DeedName, type DeedOptions } from './deeds.ts'

/** On Linux this concerns the calling thread alone: whoever measures, on the same core, comes first. */
setPriority(10)

const { name, options } = workerData as { name: DeedName; options: DeedOptions }
parentPort?.postMessage(await DEEDS[name](options))

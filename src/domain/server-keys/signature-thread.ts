import { parentPort } from 'node:worker_threads'
import { checkSignatures, type SignatureToCheck } from './signature-check.ts'

// A thread of `SignatureThreads`: answers batch by batch, in the order in which they came.
parentPort?.on('message', (batch: readonly SignatureToCheck[]) => parentPort?.postMessage(checkSignatures(batch)))

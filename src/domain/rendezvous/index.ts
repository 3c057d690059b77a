export {
  ConcurrentWrite,
  MAX_DATA_BYTES,
  Rendezvous,
  type RendezvousRecord,
  type RendezvousState,
} from './rendezvous.ts'

import type { Stretch } from '../measure/workers.ts'
import type { Target } from '../run/target.ts'

/** Sizes that decide how long a run takes; `full` is what the published figures use. */
export type Scale = {
  listeners: readonly number[]
  /** Long polls that wait at the same time, and how many users they are of. */
  streams: readonly { streams: number; users: number }[]
  syncRooms: readonly number[]
  /** At least as many as the most workers of a send scenario, so that none is idle. */
  sendRooms: number
  largeRoomMembers: number
  historyMessages: number
  /** People in one room who all see each other's presence. */
  presentUsers: number
  /** Devices that are sent a room key at once. */
  keyDevices: number
  /** Messages in the rooms that are searched. */
  searchMessages: number
}

export const scales: Record<'small' | 'full', Scale> = {
  small: {
    listeners: [1, 10, 100],
    streams: [{ streams: 200, users: 20 }],
    syncRooms: [1, 10, 100],
    sendRooms: 64,
    largeRoomMembers: 200,
    historyMessages: 300,
    presentUsers: 200,
    keyDevices: 100,
    searchMessages: 1000,
  },
  full: {
    listeners: [1, 100, 1000],
    streams: [
      { streams: 10_000, users: 1000 },
      { streams: 10_000, users: 10_000 },
    ],
    syncRooms: [1, 100, 1000],
    sendRooms: 100,
    largeRoomMembers: 10_000,
    historyMessages: 2000,
    presentUsers: 2000,
    keyDevices: 1000,
    searchMessages: 200_000,
  },
}

export type Scene = { target: Target; scale: Scale; seconds: number }

/** One line of the result. */
export type Case = {
  name: string
  /** Sets the scene, once per target before the first round; not measured. */
  prepare?: () => Promise<void>
  /** Opens connections and fills caches, before every round; not measured. */
  warmUp?: () => Promise<unknown>
  /** One measured stretch. */
  run: () => Promise<Stretch>
  /** After the last round. */
  close?: () => Promise<void>
}

export type Scenario = {
  name: string
  /** One line for `--list` and the headings. */
  title: string
  /** What an operation is called, in the plural. */
  unit: string
  /** `latency` where the pace is set by the bench, so that operations a second would say nothing. */
  shows: 'rate' | 'latency' | 'memory'
  /** Two calls that do the same: cases are named after the one or the other, and compared with each other within the run. */
  twins?: readonly [first: string, second: string]
  /** The same names in the same order for every target. */
  cases: (scene: Scene) => Case[]
}

/** Runs the task at the first call and answers every call with that one result. */
export function once<T>(task: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= task()
    return result
  }
}

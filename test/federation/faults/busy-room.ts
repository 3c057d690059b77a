import { expect } from 'vitest'
import type { Dice } from '../../crash/dice.ts'
import { type Body, RequestRefused, type TestClient } from '../../support/client.ts'
import type { FaultyLinks } from './faulty-links.ts'
import { late } from './faulty-links.ts'

/** A server's people in the room: one who cannot be put out, and one who can. */
export interface People {
  readonly serverName: string
  readonly admin: TestClient
  readonly member: TestClient
}

const enc = encodeURIComponent
const NAMES = ['m.room.topic', 'm.room.name', 'org.example.note']

/** A room in which all are, with an admin of each server. */
export const openRoom = async (people: readonly People[], version: string): Promise<string> => {
  const [first, ...others] = people
  if (first === undefined) throw new Error('nobody is there')
  const roomId = await first.admin.createRoom({ preset: 'public_chat', room_version: version })
  for (const client of [first.member, ...others.flatMap(({ admin, member }) => [admin, member])])
    await joins(client, roomId, first.serverName)
  const levels = await first.admin.getState(roomId, 'm.room.power_levels')
  const users = { ...levels.users, ...Object.fromEntries(others.map(({ admin }) => [admin.userId, 100])) }
  const content = { ...levels, users, events: { ...levels.events, 'm.room.topic': 50, 'm.room.name': 50 } }
  const raised = await first.admin.setState(roomId, 'm.room.power_levels', '', content)
  for (const { admin } of people)
    await expect
      .poll(async () => (await admin.request('GET', `/v3/rooms/${enc(roomId)}/event/${enc(raised)}`)).status, {
        timeout: 30_000,
      })
      .toBe(200)
  return roomId
}

const joins = (client: TestClient, roomId: string, via: string): Promise<unknown> =>
  client.post(`/v3/join/${enc(roomId)}?server_name=${enc(via)}&via=${enc(via)}`)

/** Something that somebody does in the room. It may be refused: others change the room at the same time, and links fail. */
const act = async (people: readonly People[], roomId: string, dice: Dice): Promise<void> => {
  const here = dice.pick(people)
  const there = dice.pick(people)
  const { admin, member } = here
  const who = dice.chance(0.6) ? admin : member
  const number = dice.between(0, 1_000_000)
  switch (dice.between(0, 11)) {
    case 0:
    case 1:
    case 2:
      return void (await who.sendText(roomId, `${number}`))
    case 3:
    case 4:
      return void (await who.setState(roomId, dice.pick(NAMES), '', {
        text: number,
        name: `${number}`,
        topic: `${number}`,
      }))
    case 5:
      return void (await member.setState(roomId, 'org.example.own', member.userId, { number }))
    case 6:
      return changeLevels(admin, roomId, there.member.userId, dice)
    case 7:
      return void (await admin.kick(roomId, there.member.userId))
    case 8:
      return void (await (dice.chance(0.5)
        ? admin.ban(roomId, there.member.userId)
        : admin.unban(roomId, there.member.userId)))
    case 9:
      return void (await (dice.chance(0.3) ? member.leave(roomId) : joins(member, roomId, there.serverName)))
    case 10:
      return void (await admin.setState(roomId, 'm.room.join_rules', '', {
        join_rule: dice.pick(['public', 'public', 'invite']),
      }))
    default:
      return redactSomething(admin, roomId)
  }
}

const changeLevels = async (admin: TestClient, roomId: string, userId: string, dice: Dice): Promise<void> => {
  const levels: Body & { users?: Body } = await admin.getState(roomId, 'm.room.power_levels')
  const users = { ...levels.users, [userId]: dice.pick([0, 50, 60]) }
  await admin.setState(roomId, 'm.room.power_levels', '', { ...levels, users, state_default: dice.pick([50, 60]) })
}

const redactSomething = async (admin: TestClient, roomId: string): Promise<void> => {
  const { chunk } = await admin.messages(roomId, { dir: 'b', limit: 5 })
  const target = chunk.find(({ type }: { type: string }) => type === 'm.room.message')
  if (target !== undefined) await admin.redact(roomId, target.event_id)
}

/** Statuses with which a server may say that it cannot do this now. */
const MAY_BE = new Set([400, 403, 404, 429, 502, 503, 504])

const RETRY_MS = 50

/** Whether no answer came at all: the server starts again. `fetch` says no more than that it failed. */
const isDown = (error: unknown): boolean => error instanceof TypeError && error.message === 'fetch failed'

/** Everybody does things at once, while links fail as the dice have it. */
export const makeBusy = async (
  people: readonly People[],
  roomId: string,
  { dice, links, steps }: { readonly dice: Dice; readonly links?: FaultyLinks; readonly steps: number },
): Promise<number> => {
  let done = 0
  const one = async (own: Dice): Promise<void> => {
    for (let step = 0; step < steps; step++) {
      if (links !== undefined && own.chance(0.1)) await interrupt(people, links, own)
      try {
        await act(people, roomId, own)
        done++
      } catch (error) {
        if (error instanceof RequestRefused ? !MAY_BE.has(error.status) : !isDown(error)) throw error
        if (isDown(error)) await late(RETRY_MS)
      }
    }
  }
  await Promise.all(people.map(() => one(dice.fork())))
  return done
}

/** Some link is down for a while. */
const interrupt = async (people: readonly People[], links: FaultyLinks, dice: Dice): Promise<void> => {
  const [from, to] = [dice.pick(people).serverName, dice.pick(people).serverName]
  links.cut(from, to)
  void late(dice.between(50, 600)).then(() => links.mend(from, to))
}

/** Everybody says something in turn, each having heard the one before: what is apart comes together by that, as in any room where people talk. */
export const speakInTurn = async (people: readonly People[], roomId: string): Promise<void> => {
  for (const speaker of people) {
    const eventId = await speaker.admin.sendText(roomId, 'the end')
    for (const { admin } of people)
      await expect
        .poll(async () => (await admin.request('GET', `/v3/rooms/${enc(roomId)}/event/${enc(eventId)}`)).status, {
          timeout: 60_000,
          interval: 50,
        })
        .toBe(200)
  }
}

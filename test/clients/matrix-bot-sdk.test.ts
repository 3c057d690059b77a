import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AutojoinRoomsMixin,
  LogService,
  MatrixClient,
  MemoryStorageProvider,
  SimpleFsStorageProvider,
} from 'matrix-bot-sdk'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'

const ignore = () => {}
LogService.setLogger({ trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore })

let homeserver: TestHomeserver
let alice: TestClient
let botAccount: TestClient
const bots: MatrixClient[] = []

beforeEach(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  botAccount = await homeserver.register('echo')
})

afterEach(async () => {
  for (const bot of bots.splice(0)) bot.stop()
  await homeserver.stop()
})

/** A bot that joins where it is invited, and answers `!echo TEXT` with TEXT. */
async function startBot(
  storage = new MemoryStorageProvider() as ConstructorParameters<typeof MatrixClient>[2],
): Promise<MatrixClient> {
  const bot = new MatrixClient(homeserver.url, botAccount.accessToken ?? '', storage)
  AutojoinRoomsMixin.setupOnClient(bot)
  bot.on('room.message', (roomId: string, event: Json) => {
    const text: unknown = event.content?.body
    if (event.sender === botAccount.userId || typeof text !== 'string' || !text.startsWith('!echo ')) return
    void bot.replyNotice(roomId, event, text.slice('!echo '.length))
  })
  watchSyncs(bot)
  bots.push(bot)
  await bot.start()
  return bot
}

/** The bodies of the bot's messages in a sync. */
const answersIn = (sync: Json, roomId: string): readonly string[] =>
  (sync.rooms?.join?.[roomId]?.timeline?.events ?? [])
    .filter((event: Json) => event.type === 'm.room.message' && event.sender === botAccount.userId)
    .map((event: Json) => event.content.body as string)

const answerTo = async (roomId: string, since: string, text: string): Promise<readonly string[]> => {
  const sync = await alice.syncUntil(since, (news) => answersIn(news, roomId).some((body) => body.endsWith(text)))
  return answersIn(sync, roomId)
}

async function roomWithBot(): Promise<string> {
  const roomId = await alice.createRoom({ preset: 'private_chat', invite: [botAccount.userId] })
  const { next_batch: since } = await alice.sync()
  const joined = (members: Json) => Object.keys(members.joined).includes(botAccount.userId)
  if (!joined(await alice.get(`/v3/rooms/${encodeURIComponent(roomId)}/joined_members`))) {
    await alice.syncUntil(since, (sync) =>
      sync.rooms?.join?.[roomId]?.timeline.events.some(
        (event: Json) => event.state_key === botAccount.userId && event.content.membership === 'join',
      ),
    )
  }
  return roomId
}

/** What matrix-bot-sdk keeps protected: one request for news. */
interface Syncing {
  doSync(token: string): Promise<unknown>
}

/** The request for news that each bot has under way, or had last. */
const underWay = new WeakMap<MatrixClient, Promise<unknown>>()

const watchSyncs = (bot: MatrixClient): void => {
  const syncing = bot as unknown as Syncing
  const doSync = syncing.doSync.bind(bot)
  syncing.doSync = (token) => {
    const sync = doSync(token)
    underWay.set(bot, sync)
    return sync
  }
}

/** A stopped bot still works through the sync it waits for: one more message ends that. */
async function stopForGood(bot: MatrixClient, roomId: string): Promise<void> {
  bot.stop()
  await alice.sendText(roomId, 'good night')
  await underWay.get(bot)
}

describe('matrix-bot-sdk', () => {
  it('runs a bot that joins where it is invited and answers', async () => {
    await startBot()
    const roomId = await roomWithBot()
    const { next_batch: since } = await alice.sync()
    await alice.sendText(roomId, '!echo is there anybody?')
    expect(await answerTo(roomId, since, 'is there anybody?')).toHaveLength(1)
  })

  it('runs a bot that answers what was asked while it was away, and nothing twice', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'homeroom-bot-'))
    const storage = () => new SimpleFsStorageProvider(join(folder, 'bot.json'))
    try {
      const first = await startBot(storage())
      const roomId = await roomWithBot()
      const { next_batch: before } = await alice.sync()
      await alice.sendText(roomId, '!echo one')
      await answerTo(roomId, before, 'one')
      await stopForGood(first, roomId)

      const { next_batch: away } = await alice.sync()
      await alice.sendText(roomId, '!echo two')
      await startBot(storage())
      await answerTo(roomId, away, 'two')
      // Had it answered `one` again, that answer would stand before the one to `three`.
      await alice.sendText(roomId, '!echo three')
      await answerTo(roomId, away, 'three')
      const { chunk } = await alice.messages(roomId, { dir: 'f', from: before, limit: 50 })
      const answers = chunk.filter((event: Json) => event.sender === botAccount.userId)
      expect(answers.map((event: Json) => event.content.body.split('\n').at(-1))).toEqual(['one', 'two', 'three'])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('reads and writes state, account data and profiles', async () => {
    const bot = await startBot()
    const roomId = await bot.createRoom({ name: 'Workshop', preset: 'public_chat' })
    expect(await bot.getRoomStateEvent(roomId, 'm.room.name', '')).toEqual({ name: 'Workshop' })
    await bot.sendStateEvent(roomId, 'org.example.counter', 'a', { count: 1 })
    expect(await bot.getRoomStateEvent(roomId, 'org.example.counter', 'a')).toEqual({ count: 1 })
    await bot.setAccountData('org.example.notes', { kept: true })
    expect(await bot.getAccountData('org.example.notes')).toEqual({ kept: true })
    await bot.setDisplayName('Echo')
    expect(await bot.getUserProfile(botAccount.userId)).toMatchObject({ displayname: 'Echo' })
    expect(await bot.getJoinedRoomMembers(roomId)).toEqual([botAccount.userId])
    expect(await bot.getUserId()).toBe(botAccount.userId)
  })
})

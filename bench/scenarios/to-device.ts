import { type Account, listenerFilter, nextBatch } from '../client/account.ts'
import { nowMs } from '../measure/now.ts'
import { eachOf, emptyStretch, noteFailure, type Stretch } from '../measure/workers.ts'
import { setupWidth, type Target } from '../run/target.ts'
import { oneByOne } from './one-by-one.ts'
import { type Case, once, type Scenario } from './scenario.ts'

/** As wide as clients that all wake at once, as far as the connections reach. */
const fetchWidth = 32

/** An encrypted key for a room, of the size that clients send to each device of its members. */
const roomKey = {
  algorithm: 'm.olm.v1.curve25519-aes-sha2',
  sender_key: 's'.repeat(43),
  ciphertext: { ['r'.repeat(43)]: { type: 0, body: 'c'.repeat(900) } },
}

type Device = { account: Account; since: string | undefined }
type Room = { sender: Account; devices: Device[]; body: string }

async function gather(target: Target, count: number): Promise<Room> {
  const [sender, ...members] = await target.accounts(count + 1)
  if (sender === undefined) throw new Error('a share needs a sender')
  const messages = Object.fromEntries(members.map(({ userId }) => [userId, { '*': roomKey }]))
  const room = {
    sender,
    devices: members.map((account) => ({ account, since: undefined })),
    body: JSON.stringify({ messages }),
  }
  await fetchAll(room, emptyStretch())
  return room
}

/** Each device takes what waits for it, and shows that it has what it took before. */
async function fetchAll({ devices }: Room, stretch: Stretch): Promise<void> {
  let messages = 0
  await eachOf(devices, Math.min(fetchWidth, setupWidth * 2), async (device) => {
    const { since } = device
    const answer = await device.account.sync({
      timeoutMs: 0,
      filter: listenerFilter,
      ...(since === undefined ? {} : { since }),
    })
    messages += answer.split('"m.olm.v1.curve25519-aes-sha2"').length - 1
    device.since = nextBatch(answer)
  })
  const before = stretch.items?.count ?? 0
  stretch.items = { count: before + messages, unit: 'messages fetched' }
}

async function share(target: Target, { sender, body }: Room, stretch: Stretch): Promise<void> {
  const startMs = nowMs()
  try {
    await sender.put(`/_matrix/client/v3/sendToDevice/m.room.encrypted/${target.unique()}`, body)
    stretch.latenciesMs.push(nowMs() - startMs)
    stretch.operations += 1
  } catch (error) {
    noteFailure(stretch, error)
  }
}

/** One key for the device of each member of a room, in one request: alone, and with all devices fetching it before the next one. */
export const toDevice: Scenario = {
  name: 'to-device',
  title: 'A room key to many devices',
  unit: 'shares',
  shows: 'latency',
  cases: ({ target, seconds, scale }) => {
    const room = once(() => gather(target, scale.keyDevices))
    return [false, true].map(
      (fetches): Case => ({
        name: `${scale.keyDevices} devices${fetches ? ', which fetch each key' : ''}`,
        prepare: async () => void (await room()),
        async run() {
          const made = await room()
          return oneByOne(seconds, async (stretch) => {
            await share(target, made, stretch)
            if (fetches) await fetchAll(made, stretch)
          })
        },
        // So that the next case begins with empty inboxes.
        close: async () => {
          const made = await room()
          for (let round = 0; round < 2; round++) await fetchAll(made, emptyStretch())
        },
      }),
    )
  },
}

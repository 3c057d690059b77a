import type { Account } from '../client/account.ts'
import { eachOf, runWorkers } from '../measure/workers.ts'
import { patiently, setupWidth, type Target } from '../run/target.ts'
import { type Case, once, type Scenario } from './scenario.ts'

/** Clients keep 50 to 100 one-time keys of a device at the server. */
const keysADevice = 100
const workers = 8
/** Devices whose keys one request claims: one, and those of the members of a small room. */
const devicesAClaim = [1, 50] as const

type Owner = { account: Account; deviceId: string }

const key = (name: string): object => ({
  key: name.padEnd(43, 'k'),
  signatures: { '@bench:example.org': { 'ed25519:DEVICE': 's'.repeat(86) } },
})

async function gather(target: Target, count: number): Promise<Owner[]> {
  const accounts = await target.accounts(count + workers)
  const owners: Owner[] = []
  await eachOf(accounts.slice(workers), setupWidth, async (account) => {
    owners.push({ account, deviceId: await account.deviceId() })
  })
  return owners
}

/** One-time keys for a while, and a fallback key for when they are used up: a claim is never answered without a key. */
async function refill(target: Target, owners: readonly Owner[]): Promise<void> {
  await eachOf(owners, setupWidth, async ({ account }) => {
    const word = target.unique()
    const names = Array.from({ length: keysADevice }, (_, number) => `${word}-${number}`)
    const body = {
      one_time_keys: Object.fromEntries(names.map((name) => [`signed_curve25519:${name}`, key(name)])),
      fallback_keys: { [`signed_curve25519:${word}-f`]: { ...key(word), fallback: true } },
    }
    await patiently(() => account.keys('upload', JSON.stringify(body)))
  })
}

/** The key of one device after another, or of many in one request, by several clients at once. */
export const keysClaim: Scenario = {
  name: 'keys-claim',
  title: 'Claims of one-time keys',
  unit: 'claims',
  shows: 'rate',
  cases: ({ target, seconds, scale }) => {
    const owners = once(() => gather(target, scale.keyDevices))
    return devicesAClaim.map(
      (devices): Case => ({
        name: devices === 1 ? 'of one device' : `of ${devices} devices at once`,
        prepare: async () => void (await owners()),
        warmUp: async () => refill(target, await owners()),
        async run() {
          const [claimers, all] = [await target.accounts(workers), await owners()]
          let next = 0
          let keys = 0
          const stretch = await runWorkers({ workers, seconds }, async (worker) => {
            const wanted: Record<string, Record<string, string>> = {}
            for (let count = 0; count < devices; count += 1) {
              const owner = all[next++ % all.length]
              if (owner !== undefined) wanted[owner.account.userId] = { [owner.deviceId]: 'signed_curve25519' }
            }
            const answer = await claimers[worker]?.keys('claim', JSON.stringify({ one_time_keys: wanted }))
            keys += (answer ?? '').split('"signed_curve25519:').length - 1
          })
          stretch.items = { count: keys, unit: 'keys' }
          return stretch
        },
      }),
    )
  },
}

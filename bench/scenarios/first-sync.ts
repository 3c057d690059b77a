import { eachOf, runWorkers } from '../measure/workers.ts'
import { patiently, setupWidth } from '../run/target.ts'
import { type Case, once, type Scenario } from './scenario.ts'

/**
 * A client's first `/sync`, again and again. Each request's filter excludes another type that does not exist: it changes nothing
 * in the answer, but keeps servers that remember whole answers from serving the last one again.
 */
export const firstSync: Scenario = {
  name: 'first-sync',
  title: 'First /sync',
  unit: 'syncs',
  shows: 'latency',
  cases: ({ target, seconds, scale }) =>
    scale.syncRooms.map((rooms): Case => {
      const account = once(async () => {
        const registered = await patiently(() => target.registerOne())
        await eachOf(Array.from({ length: rooms }), setupWidth, async (_, number) => {
          await patiently(() => registered.createRoom(`bench: sync ${number}`))
        })
        return registered
      })
      return {
        name: rooms === 1 ? '1 room' : `${rooms} rooms`,
        prepare: async () => void (await account()),
        async run() {
          const syncing = await account()
          let answerBytes = 0
          const stretch = await runWorkers({ workers: 1, seconds }, async () => {
            const filter = JSON.stringify({ account_data: { not_types: [`org.example.${target.unique()}`] } })
            answerBytes += Buffer.byteLength(await syncing.sync({ timeoutMs: 0, filter }))
          })
          return { ...stretch, answerBytes }
        },
      }
    }),
}

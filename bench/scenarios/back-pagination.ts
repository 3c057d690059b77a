import { runWorkers } from '../measure/workers.ts'
import { patiently } from '../run/target.ts'
import { type Case, once, type Scenario } from './scenario.ts'
import { messageBody } from './send-load.ts'

const pageSizes = [10, 100] as const

type Page = { chunk: unknown[]; end?: string }

/** From the newest event back to the room's creation, and again from the newest. */
export const backPagination: Scenario = {
  name: 'back-pagination',
  title: 'Back-pagination (/messages)',
  unit: 'pages',
  shows: 'rate',
  cases: ({ target, seconds, scale }) => {
    const scene = once(async () => {
      const reader = await patiently(() => target.registerOne())
      const roomId = await target.roomWith([reader], 'bench: history')
      const path = reader.sendPath(roomId)
      for (let number = 0; number < scale.historyMessages; number += 1) {
        const marker = target.unique()
        await patiently(() => reader.put(path + marker, messageBody(marker)))
      }
      return { reader, roomId }
    })
    return pageSizes.map(
      (size): Case => ({
        name: `pages of ${size}`,
        prepare: async () => void (await scene()),
        async run() {
          const { reader, roomId } = await scene()
          let from: string | undefined
          let events = 0
          let answerBytes = 0
          const stretch = await runWorkers({ workers: 1, seconds }, async () => {
            const answer = await reader.messagesBack(roomId, size, from)
            const page = JSON.parse(answer) as Page
            events += page.chunk.length
            answerBytes += Buffer.byteLength(answer)
            // "end" is absent when there is nothing further; an empty page with an end would be one more page to ask for.
            from = page.end
          })
          return { ...stretch, answerBytes, items: { count: events, unit: 'events' } }
        },
      }),
    )
  },
}

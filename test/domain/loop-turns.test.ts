import { expect, it } from 'vitest'
import { LoopTurns, systemClock } from '#base'

it('long work of many goes on by one piece in each turn of the event loop, first come, first served', async () => {
  const turns = new LoopTurns(systemClock)
  let turn = 0
  let counting = true
  const count = (): void => {
    turn++
    if (counting) setImmediate(count)
  }
  setImmediate(count)
  const seen: { readonly name: string; readonly turn: number }[] = []
  const work = async (name: string): Promise<void> => {
    for (let piece = 0; piece < 3; piece++) {
      await turns.next()
      seen.push({ name, turn })
    }
  }
  await Promise.all(['a', 'b', 'c'].map(work))
  counting = false
  expect(seen.map(({ name }) => name).join('')).toBe('abcabcabc')
  expect(new Set(seen.map((one) => one.turn)).size).toBe(seen.length)
  // It can be asked again after a time of rest.
  await turns.next()
})

import type { Soon } from '#base'
import type { DeviceListChanges, DeviceLists } from '../../device-lists/device-lists.ts'
import { deviceListsText } from '../../device-lists/texts.ts'
import type { PartAnswer, SyncPart, SyncWindow } from '../request.ts'

export interface DeviceListsPartParts {
  readonly lists: Pick<DeviceLists, 'between'>
}

/** `device_lists`: whose devices to ask for again, and whose to track no more. Not in a first sync, which has nobody tracked yet. */
export class DeviceListsPart implements SyncPart {
  readonly empty = deviceListsText({ changed: [], left: [] })
  readonly #lists: Pick<DeviceLists, 'between'>
  readonly #nothing: PartAnswer = { text: this.empty, isNews: false }

  constructor({ lists }: DeviceListsPartParts) {
    this.#lists = lists
  }

  look({ viewer, rooms, since, now, news }: SyncWindow): Soon<PartAnswer> {
    if (since === undefined) return this.#nothing
    const changes = this.#lists.between({ viewer, rooms, since, now, events: news.events })
    return changes instanceof Promise ? changes.then((found) => this.#answer(found)) : this.#answer(changes)
  }

  #answer(changes: DeviceListChanges): PartAnswer {
    const isNews = changes.changed.length > 0 || changes.left.length > 0
    return isNews ? { text: deviceListsText(changes), isNews } : this.#nothing
  }
}

import type { DeviceLists } from '../../device-lists/device-lists.ts'
import { deviceListsText } from '../../device-lists/texts.ts'
import type { PartAnswer, SyncPart, SyncWindow } from '../request.ts'

export interface DeviceListsPartParts {
  readonly lists: Pick<DeviceLists, 'between'>
}

/** `device_lists`: whose devices to ask for again, and whose to track no more. Not in a first sync, which has nobody tracked yet. */
export class DeviceListsPart implements SyncPart {
  readonly empty = deviceListsText({ changed: [], left: [] })
  readonly #lists: Pick<DeviceLists, 'between'>

  constructor({ lists }: DeviceListsPartParts) {
    this.#lists = lists
  }

  async look({ viewer, rooms, since, now, news }: SyncWindow): Promise<PartAnswer> {
    if (since === undefined) return { text: this.empty, isNews: false }
    const changes = await this.#lists.between({ viewer, rooms, since, now, events: news.events })
    const isNews = changes.changed.length > 0 || changes.left.length > 0
    return { text: isNews ? deviceListsText(changes) : this.empty, isNews }
  }
}

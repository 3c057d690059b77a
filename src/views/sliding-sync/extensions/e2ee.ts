import type { JsonObject } from '#spec'
import type { News, ToldPositions } from '#streams'
import type { DeviceListChanges, DeviceLists } from '../../device-lists/device-lists.ts'
import type { KeyCountsNow } from '../../device-lists/key-counts.ts'
import { deviceListsText, keyCountsText } from '../../device-lists/texts.ts'
import type { ExtensionAnswer, ExtensionWindow, SlidingExtension } from '../extension.ts'
import { isEnabled } from './member.ts'

export interface E2eeExtensionParts {
  readonly lists: Pick<DeviceLists, 'between'>
  readonly counts: Pick<KeyCountsNow, 'of'>
}

/** `e2ee` (MSC4543): whose devices to ask for again, and the counts of the device's own keys, which are in every answer. */
export class E2eeExtension implements SlidingExtension {
  readonly name = 'e2ee'
  readonly aliases = ['org.matrix.msc4543.e2ee']
  readonly #parts: E2eeExtensionParts

  constructor(parts: E2eeExtensionParts) {
    this.#parts = parts
  }

  parse(member: JsonObject): object | undefined {
    return isEnabled(member) ? {} : undefined
  }

  /** Of all that happens in rooms, only who comes and goes: that news names users. */
  concerns({ stream, users }: News): boolean {
    return stream === 'toDevice' || stream === 'deviceLists' || (stream === 'events' && users.length > 0)
  }

  async read(_config: object, window: ExtensionWindow): Promise<ExtensionAnswer> {
    const { viewer, since, pos } = window
    const counts = await this.#parts.counts.of(viewer)
    const countsText = keyCountsText(counts)
    // Changes are told since `pos`, also to who did not ask for them before: what lies before it, such a client asks for elsewhere.
    const lists = pos === undefined ? NO_CHANGES : await this.#lists(window, pos)
    const hasLists = lists.changed.length > 0 || lists.left.length > 0
    const text = hasLists ? `{${deviceListsText(lists)},${countsText}}` : `{${countsText}}`
    return { text, isNews: hasLists || since === undefined || counts.position > since.toDevice }
  }

  async #lists(window: ExtensionWindow, since: ToldPositions) {
    const { viewer, now } = window
    if (since.events >= now.events && since.deviceLists >= now.deviceLists) return NO_CHANGES
    const rooms = await window.rooms()
    const events = await window.events()
    return this.#parts.lists.between({ viewer, rooms, since, now, events })
  }
}

const NO_CHANGES: DeviceListChanges = { changed: [], left: [] }

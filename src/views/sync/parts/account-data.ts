import type { AccountDataEntry, AccountDataReader } from '#store'
import { accountDataText } from '../../events/account-data-text.ts'
import { accountDataPages } from '../../known/account-data-pages.ts'
import type { PushRules } from '../../unread/push-rules.ts'
import type { Piece, StreamedPart, SyncWindow } from '../request.ts'

export interface AccountDataPartParts {
  readonly reader: Pick<AccountDataReader, 'page'>
  readonly pushRules: PushRules
}

/** `account_data`: the user's global account data, push rules included. */
export class AccountDataPart implements StreamedPart {
  readonly empty = `${HEAD}${END}`
  readonly #parts: AccountDataPartParts

  constructor(parts: AccountDataPartParts) {
    this.#parts = parts
  }

  isEmpty({ since, now, fullState }: SyncWindow): boolean {
    return since !== undefined && !fullState && since.accountData >= now.accountData
  }

  async *pieces(window: SyncWindow): AsyncGenerator<Piece, void, undefined> {
    const pushRules = await this.#changedPushRules(window)
    let text = HEAD
    let isFirst = true
    const isShown = ({ type }: AccountDataEntry): boolean => window.filter.accountData.type(type)
    for await (const page of this.#pages(window)) {
      const events = page.filter(isShown).map(accountDataText)
      if (events.length === 0) continue
      yield { text: `${text}${isFirst ? '' : ','}${events.join()}`, isNews: true }
      text = ''
      isFirst = false
    }
    if (pushRules === undefined) yield { text: `${text}${END}`, isNews: false }
    else yield { text: `${text}${isFirst ? '' : ','}${pushRules}${END}`, isNews: true }
  }

  #pages({ viewer: { user }, since, now, fullState, news }: SyncWindow) {
    const isWhole = since === undefined || fullState
    if (!isWhole && !news.longAccountData) return [news.accountData]
    const window = isWhole ? undefined : { after: since.accountData, upTo: now.accountData }
    return accountDataPages(this.#parts.reader, { user, room: undefined, window })
  }

  async #changedPushRules({ since, now, filter, fullState, viewer }: SyncWindow): Promise<string | undefined> {
    if (!filter.accountData.type('m.push_rules')) return undefined
    const all = since === undefined || fullState
    if (!all && since.accountData >= now.accountData) return undefined
    const { position, contentJson } = await this.#parts.pushRules.of(viewer)
    const isChanged = all || (position > since.accountData && position <= now.accountData)
    return isChanged ? accountDataText({ type: 'm.push_rules', contentJson }) : undefined
  }
}

const HEAD = '"account_data":{"events":['
const END = ']}'

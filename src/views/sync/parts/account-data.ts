import { accountDataText } from '../../events/account-data-text.ts'
import type { PushRules } from '../../unread/push-rules.ts'
import type { PartAnswer, SyncPart, SyncWindow } from '../request.ts'

export interface AccountDataPartParts {
  readonly pushRules: PushRules
}

/** `account_data`: the user's global account data, push rules included. */
export class AccountDataPart implements SyncPart {
  readonly empty = textOf([])
  readonly #pushRules: PushRules

  constructor({ pushRules }: AccountDataPartParts) {
    this.#pushRules = pushRules
  }

  async look(window: SyncWindow): Promise<PartAnswer> {
    const { filter, news } = window
    const entries = news.accountData.filter(({ type }) => filter.accountData.type(type)).map(accountDataText)
    const pushRules = await this.#changedPushRules(window)
    const events = pushRules === undefined ? entries : [...entries, pushRules]
    return { text: textOf(events), isNews: events.length > 0 }
  }

  async #changedPushRules({ since, now, filter, fullState, viewer }: SyncWindow): Promise<string | undefined> {
    if (!filter.accountData.type('m.push_rules')) return undefined
    const all = since === undefined || fullState
    if (!all && since.accountData >= now.accountData) return undefined
    const { position, contentJson } = await this.#pushRules.of(viewer)
    const isChanged = all || (position > since.accountData && position <= now.accountData)
    return isChanged ? accountDataText({ type: 'm.push_rules', contentJson }) : undefined
  }
}

const textOf = (events: readonly string[]): string => `"account_data":{"events":[${events.join()}]}`

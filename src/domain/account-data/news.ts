import type { Streams } from '#streams'

/** Announces commits, of this process or another, before any request can read them. */
export type News = Pick<Streams, 'onNews'>

/** Calls `changed` with the number of every user whose account data changed, or with `all` if that is unknown. */
export const onAccountDataOf = (news: News, changed: (user: number | 'all') => void): void => {
  news.onNews({
    news: (items) => {
      for (const { stream, users } of items) {
        if (stream === 'accountData') for (const user of users) changed(user)
      }
    },
    missed: () => changed('all'),
  })
}

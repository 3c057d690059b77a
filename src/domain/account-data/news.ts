import type { Streams } from '#streams'

/** Tells what was committed, by this process or another, before anybody can ask for it. */
export type News = Pick<Streams, 'onNews'>

/** Calls `changed` with the number of every user whose account data changed, or with `all` where that is not known. */
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

/**
 * A value that is most often at hand, and a promise where it has to be read. Many thousand waiting requests wake at one message; a promise for each of
 * the many values that they ask for would be most of their cost. Read it by `found instanceof Promise ? await found : found`. A promise must not
 * be dropped: a read that fails would end the process. Whoever wants a value only if it is at hand asks for that (`LatestValues.now`).
 */
export type Soon<Value> = Value | Promise<Value>

/** A server through which the members of a call exchange media (MSC4143; this kind by MSC4195). */
export type RtcTransport = { readonly type: 'livekit'; readonly livekit_service_url: string }

/** The transports of these services, the preferred one first. */
export const rtcTransportsOf = (livekitUrls: readonly string[]): readonly RtcTransport[] =>
  livekitUrls.map((url) => ({ type: 'livekit', livekit_service_url: url }))

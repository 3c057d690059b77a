/** Facts of a step, without anything that people wrote or are called. */
export type StepFacts = Readonly<Record<string, string | number>>

/** A request while it is traced. */
export interface TracedRequest {
  /** Called once, with the status that was answered. */
  ended(status: number): void
}

/** Tells a collector where time goes. Steps belong to the request in which they run. */
export interface Tracing {
  /** Runs `work` for a request that came. The trace lasts until `ended`, which may be later than `work`. */
  request(name: string, facts: StepFacts, work: (traced: TracedRequest) => Promise<void>): Promise<void>
  /** Runs one step of a request, or of what the server does by itself. */
  step<Result>(name: string, facts: StepFacts, work: () => Promise<Result>): Promise<Result>
}

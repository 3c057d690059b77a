/** `note`: the server works, and yet something should be looked at. */
export type FindingState = 'good' | 'note' | 'bad'

/** One finding about one subject, as a sentence; `advice` says what to do. */
export interface DoctorFinding {
  readonly subject: string
  readonly state: FindingState
  readonly text: string
  readonly advice?: string
}

/** The findings of one subject, put down as they are found. */
export class Findings {
  readonly all: DoctorFinding[] = []
  readonly #subject: string

  constructor(subject: string) {
    this.#subject = subject
  }

  good(text: string): void {
    this.#add('good', text)
  }

  note(text: string, advice: string): void {
    this.#add('note', text, advice)
  }

  bad(text: string, advice: string): void {
    this.#add('bad', text, advice)
  }

  #add(state: FindingState, text: string, advice?: string): void {
    this.all.push({ subject: this.#subject, state, text, ...(advice === undefined ? {} : { advice }) })
  }
}

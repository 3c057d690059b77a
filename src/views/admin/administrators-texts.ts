import { type EventBatch, EventTexts } from '../events/event-texts.ts'

/** Events as administrators are given them: their own membership is none of a reader, and not told. */
export class AdministratorsTexts extends EventTexts {
  override joined(batch: EventBatch): Promise<string> {
    return super.joined({ ...batch, tellsMembership: false })
  }

  override each(batch: EventBatch): Promise<string[]> {
    return super.each({ ...batch, tellsMembership: false })
  }
}
